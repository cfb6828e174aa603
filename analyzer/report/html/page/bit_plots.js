// What changed in the numbers themselves: ULP distances, parts of the format.

function phaseOf(view) {
  const signal = view.pair && (view.pair.figures.signals || {})[view.signal];
  return signal && signal.phases ? signal.phases[view.phase] : null;
}

// "0", "1", "2–3", "4–7", ...
function binName(bin) {
  if (bin < 2) return String(bin);
  const low = 2 ** (bin - 1);
  return bin <= 10 ? `${low}\u2013${2 * low - 1}` : `2${power(bin - 1).slice(2)}\u2026`;
}

function drawUlps(view) {
  const figures = phaseOf(view);
  if (!figures || figures.ulps.histogram.length === 0) return {message: nothingStored};
  const counts = figures.ulps.histogram;
  return {
    data: [{
      type: 'bar', x: counts.map((_, bin) => binName(bin)),
      y: counts.map((n) => n / figures.elements),
      customdata: counts.map((n) => `${whole(n)} of ${whole(figures.elements)} elements`),
      hovertemplate: '%{x} ULP: %{customdata}<extra></extra>',
      marker: {color: counts.map((_, bin) => colour(bin === 0 ? '--quiet' : signalKinds[signalParts(view.signal).kind].colour)),
               opacity: 0.9},
    }],
    layout: {
      xaxis: axis(`distance in ${figures.ulps.number_format} numbers<br>mean ${figures.ulps.mean >= 1000 ? whole(Math.round(figures.ulps.mean)) : figure(figures.ulps.mean)}, largest ${whole(figures.ulps.largest)}`,
                  {type: 'category', showgrid: false, tickangle: counts.length > 9 ? -45 : 0}),
      yaxis: axis('share of elements', {tickformat: '.0%', rangemode: 'tozero'}),
      bargap: 0.15,
    },
  };
}

// The share of elements with other bits, by the foremost part that differs, in each signal.
function drawBits(view) {
  const rows = Object.entries((view.pair && view.pair.figures.signals) || {})
      .map(([name, figures]) => ({name, figures: figures.phases && figures.phases[view.phase]}))
      .filter(({figures}) => figures && figures.elements > 0);
  if (rows.length === 0) return {message: nothingStored};
  const parts = [['mantissa', '--hidden-states'], ['exponent', '--third'], ['sign', '--key-vectors']];
  return {
    height: Math.max(220, 20 * rows.length + 100),
    data: parts.map(([part, tint]) => ({
      type: 'bar', orientation: 'h', name: part, marker: {color: colour(tint)},
      y: rows.map(({name}) => signalTitle(name)),
      x: rows.map(({figures}) => figures[`${part}_changed`] / figures.elements),
      customdata: rows.map(({figures}) => `${whole(figures[`${part}_changed`])} of ${whole(figures.elements)}`),
      hovertemplate: `%{y}<br>%{customdata}`,
    })),
    layout: {
      barmode: 'stack', bargap: 0.25,
      xaxis: axis('share of elements', {tickformat: '.0%', range: [0, 1.01]}),
      yaxis: axis('', {type: 'category', autorange: 'reversed', showgrid: false}),
      legend: {orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: {size: 11}, traceorder: 'normal'},
    },
  };
}
