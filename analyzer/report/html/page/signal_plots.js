// Distances of a pair: SNR, heat map, propagation, ROC.

const nothingStored = 'This pair has no distances.';

// SNR of every layer of each kind of signal, with the interval of its mean over positions.
function drawSnr(view) {
  if (!view.pair) return {message: 'No pair of configurations.'};
  if (view.pair.kind === 'noise') return {message: 'This pair is the noise that SNR is counted in.'};
  const points = [];
  for (const kind of Object.keys(signalKinds)) {
    for (const {layer, figures} of layersOf(view.pair, kind)) {
      const against = (figures.uncertainty || {}).against_noise || {};
      points.push({kind, x: layer === null ? 'log p' : String(layer), snr: number(figures.snr),
                   interval: bounds(against.snr_interval), reason: against.interval_reason,
                   name: figures.detectability});
    }
  }
  const known = points.filter((point) => point.snr !== null);
  if (known.length === 0) return {message: 'No SNR: the noise of these signals is not known, or 0 as the signal.'};
  const ends = known.flatMap((point) => point.interval || []);
  const scale = onLogAxis(known.map((point) => point.snr), [1, 10, ...ends]);
  const data = Object.entries(signalKinds).map(([kind, look]) => {
    const own = known.filter((point) => point.kind === kind);
    return {
      type: 'scatter', mode: own.length > 1 ? 'lines+markers' : 'markers', name: look.title,
      x: own.map((point) => point.x), y: own.map((point) => scale.place(point.snr)),
      marker: {size: 9, color: signalColour(kind),
               symbol: own.map((point) => scale.symbol(point.snr, look.symbol))},
      line: {width: 1.5, color: signalColour(kind)},
      error_y: {
        type: 'data', symmetric: false, thickness: 1.2, width: 3, color: signalColour(kind),
        array: own.map((p) => p.interval && Number.isFinite(p.snr) ? Math.max(0, p.interval[1] - p.snr) : 0),
        arrayminus: own.map((p) => p.interval && Number.isFinite(p.snr) ? Math.max(0, p.snr - p.interval[0]) : 0),
      },
      text: own.map((p) => `SNR ${figure(p.snr)} ${intervalOrReason(p.interval, p.reason)}<br>${plotText(p.name)}`),
      hovertemplate: '%{x}: %{text}',
    };
  }).filter((trace) => trace.x.length > 0);
  const line = (y) => ({type: 'line', xref: 'paper', x0: 0, x1: 1, y0: y, y1: y, layer: 'below',
                        line: {color: colour('--quiet'), width: 1, dash: 'dot'}});
  const label = (y, text) => ({xref: 'paper', x: 1, xanchor: 'left', y: Math.log10(y), yanchor: 'middle',
                               text: ` > ${y}: ${text}`, showarrow: false, font: {size: 10, color: colour('--quiet')}});
  return {data, layout: {
    xaxis: axis('layer', {type: 'category', categoryorder: 'array',
                          categoryarray: categoriesOf(points)}),
    yaxis: logAxis('SNR', scale.range),
    shapes: [1, 3, 10].map(line),
    annotations: [label(1, 'weak'), label(3, 'moderate'), label(10, 'strong')],
    margin: {l: 8, r: 84, t: 8, b: 8},
  }};
}

// Layers in their order, log-probs last.
function categoriesOf(points) {
  const layers = [...new Set(points.map((point) => point.x))].filter((x) => x !== 'log p');
  layers.sort((a, b) => Number(a) - Number(b));
  return points.some((point) => point.x === 'log p') ? [...layers, 'log p'] : layers;
}

// The distance at each layer and position of the chosen signal's kind.
function drawHeatMap(view) {
  const kind = signalParts(view.signal).kind;
  const rows = layersOf(view.pair, kind).filter(({figures}) => figures.by_position);
  const positions = [...new Set(rows.flatMap(({figures}) => figures.by_position.positions))];
  positions.sort((a, b) => a - b);
  if (positions.length === 0) return {message: nothingStored};
  const l2 = rows.map(({figures}) => {
    const at = new Map(figures.by_position.positions.map(
        (position, i) => [position, number(figures.by_position.l2_distance[i])]));
    return positions.map((position) => at.has(position) ? at.get(position) : null);
  });
  const finite = l2.flat().filter((v) => v > 0 && Number.isFinite(v));
  if (finite.length === 0) return {message: 'All of these positions have the same bits.'};
  const low = Math.floor(Math.log10(Math.min(...finite)) * 2) / 2;
  const high = Math.max(low + 0.5, Math.ceil(Math.log10(Math.max(...finite)) * 2) / 2);
  const ticks = logTicks([low, high]);
  return {
    height: Math.max(300, 28 * rows.length + 110),
    data: [{
      type: 'heatmap', x: positions,
      y: rows.map(({layer}) => layer === null ? 'log p' : `layer ${layer}`),
      z: l2.map((row) => row.map((v) => v === null ? null : v > 0 ? Math.log10(v) : low)),
      text: l2.map((row) => row.map((v) => v === 0 ? '0, the same bits' : figure(v))),
      hovertemplate: '%{y}, position %{x}<br>L2 %{text}<extra></extra>',
      colorscale: 'Cividis', zmin: low, zmax: high, xgap: 1, ygap: 1,
      colorbar: {title: {text: 'L2', side: 'top', font: {size: 11}}, thickness: 10, len: 1, outlinewidth: 0,
                 tickvals: ticks.map(Math.log10), ticktext: ticks.map(tickText), tickfont: {size: 10}},
    }],
    layout: {
      xaxis: axis('position (0: the prompt\u2019s last token)', {showgrid: false, type: 'linear', dtick: positions.length < 12 ? 1 : undefined}),
      yaxis: axis('', {showgrid: false, type: 'category', autorange: 'reversed'}),
      shapes: positions[0] <= 0 && positions[positions.length - 1] > 0 ? [{
        type: 'line', yref: 'paper', y0: 0, y1: 1, x0: 0.5, x1: 0.5,
        line: {color: colour('--card'), width: 3}}] : [],
    },
  };
}

// The mean distance of each layer, of prefill and decode steps apart.
function drawDepth(view) {
  const propagation = view.pair && view.pair.figures.propagation;
  if (!propagation) return {message: nothingStored};
  const key = view.relative ? 'relative_l2' : 'l2_distance';
  const traces = [];
  for (const kind of ['hidden_states', 'key_vectors']) {
    const found = propagation[kind];
    if (!found) continue;
    for (const phase of ['prefill', 'decode']) {
      traces.push({kind, phase, layers: found.layers, values: found[phase][key].map(number)});
    }
  }
  const values = traces.flatMap((trace) => trace.values).filter((v) => v !== null);
  if (values.length === 0) return {message: nothingStored};
  if (values.every((v) => v === 0)) return {message: 'All layers have the same bits.'};
  const scale = onLogAxis(values);
  const order = [...new Set(traces.flatMap((trace) => trace.layers))].sort((a, b) => a - b);
  return {
    data: traces.filter((trace) => trace.values.some((v) => v !== null)).map((trace) => ({
      type: 'scatter', mode: 'lines+markers',
      name: `${signalKinds[trace.kind].title}, ${trace.phase}`,
      x: trace.layers.map(String), y: trace.values.map(scale.place), connectgaps: false,
      text: trace.values.map(figure),
      hovertemplate: 'layer %{x}: %{text}',
      line: {width: 2, color: signalColour(trace.kind), dash: trace.phase === 'decode' ? 'dot' : 'solid'},
      marker: {size: 8, color: signalColour(trace.kind),
               symbol: trace.values.map((v) => scale.symbol(
                   v, signalKinds[trace.kind].symbol + (trace.phase === 'decode' ? '-open' : '')))},
    })),
    layout: {
      xaxis: axis('layer', {type: 'category', categoryorder: 'array', categoryarray: order.map(String)}),
      yaxis: logAxis(view.relative ? 'mean relative L2' : 'mean L2', scale.range),
      legend: {orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: {size: 11}, entrywidth: 150},
    },
  };
}

// How well one position tells the variant from a change of hardware, for all of a hardware.
function drawRoc(view) {
  const curves = view.pairs.filter((pair) => pair.kind === 'within').map((pair) => {
    const signal = (pair.figures.signals || {})[view.headline];
    const against = signal && signal.uncertainty && signal.uncertainty.against_noise;
    return against && against.roc ? {pair, against} : null;
  }).filter((curve) => curve !== null);
  if (curves.length === 0) return {message: 'No noise to tell a variant from.'};
  const isChosen = (curve) => curve.pair === view.pair;
  const data = [{type: 'scatter', mode: 'lines', x: [0, 1], y: [0, 1], showlegend: false, hoverinfo: 'skip',
                 line: {color: colour('--quiet'), width: 1, dash: 'dot'}}];
  curves.sort((a, b) => isChosen(a) - isChosen(b));
  for (const curve of curves) {
    const chosen = isChosen(curve);
    data.push({
      type: 'scatter', mode: 'lines', showlegend: chosen,
      name: `${plotText(curve.pair.b)}: AUC ${figure(curve.against.auc)}`,
      x: curve.against.roc.false_positive_rate, y: curve.against.roc.true_positive_rate,
      line: {shape: 'linear', width: chosen ? 3 : 1.2,
             color: chosen ? colour('--hidden-states') : colour('--quiet')},
      opacity: chosen ? 1 : Math.max(0.12, Math.min(0.45, 6 / curves.length)),
      hovertemplate: '%{y:.2f} at %{x:.2f}',
    });
  }
  return {data, layout: {
    xaxis: axis('false positives', {range: [-0.01, 1.01], tickformat: '.1f'}),
    yaxis: axis('true positives', {range: [-0.01, 1.03], tickformat: '.1f'}),
  }};
}
