// Panels with plots: drawn when they come into view, again when the choice or the colours change.

// Plotly reads a little markup in texts; data have none.
function plotText(text) {
  return shortened(text, 40).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function signalColour(kind) {
  return colour(signalKinds[kind] ? signalKinds[kind].colour : '--second');
}

// Nothing leaves the page: of plotly's buttons, these alone, and none that uploads.
const plotConfiguration = {
  displaylogo: false,
  displayModeBar: matchMedia('(hover: hover)').matches ? 'hover' : false,
  modeBarButtons: [['toImage', 'zoom2d', 'pan2d', 'resetScale2d']],
  plotlyServerURL: '',
  responsive: true,
  showSendToCloud: false,
  toImageButtonOptions: {format: 'svg'},
};

function axis(title, more) {
  return {
    title: {text: title, standoff: 8, font: {size: 12, color: colour('--quiet')}},
    automargin: true, showline: false, zeroline: false, tickfont: {size: 11},
    ticks: 'outside', ticklen: 5, tickcolor: 'rgba(0,0,0,0)',
    gridcolor: colour('--grid'), linecolor: colour('--line'), ...more,
  };
}

// Ticks of a logarithmic scale over `range` (exponents): powers of ten or, where there are less
// than two of these, 1, 2 and 5 times one.
function logTicks(range) {
  const first = Math.ceil(range[0]), last = Math.floor(range[1]);
  const step = Math.max(1, Math.ceil((last - first) / 6));
  const ticks = [];
  for (let exponent = Math.floor(range[0]); exponent <= last; exponent += step) {
    for (const digit of last - first < 2 ? [1, 2, 5] : [1]) ticks.push(digit * 10 ** exponent);
  }
  return ticks;
}

function logAxis(title, range) {
  const ticks = logTicks(range);
  return axis(title, {type: 'log', range, tickvals: ticks, ticktext: ticks.map(tickText)});
}

function tickText(value) {
  const [digit, exponent] = value.toExponential(0).split('e');
  if (Number(exponent) >= -2 && Number(exponent) <= 3) return String(Number(value.toPrecision(1)));
  return digit === '1' ? power(Number(exponent)) : `${digit}\u00b7${power(Number(exponent))}`;
}

function layoutOf(more) {
  return {
    font: {family: getComputedStyle(document.body).fontFamily, size: 12, color: colour('--text')},
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    margin: {l: 8, r: 12, t: 8, b: 8},
    legend: {orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: {size: 11}},
    hoverlabel: {bgcolor: colour('--card'), bordercolor: colour('--line'),
                 font: {color: colour('--text'), size: 12}, align: 'left'},
    hovermode: 'closest',
    modebar: {bgcolor: 'rgba(0,0,0,0)', color: colour('--quiet'), activecolor: colour('--accent')},
    ...more,
  };
}

// Values on a logarithmic axis: those at 0 go to its lower end and infinite ones to its upper, with
// markers of their own; unknown ones are left out.
function onLogAxis(values, including) {
  const finite = values.concat(including || []).filter((v) => v > 0 && Number.isFinite(v));
  const low = finite.length ? Math.min(...finite) / 2.5 : 0.1;
  const high = finite.length ? Math.max(...finite) * 2.5 : 10;
  return {
    range: [Math.log10(low) - 0.1, Math.log10(high) + 0.1],
    place: (v) => v === null || Number.isNaN(v) ? null : v === Infinity ? high : v <= 0 ? low : v,
    symbol: (v, usual) => v === Infinity ? 'triangle-up' : v === 0 ? 'triangle-down-open' : usual,
  };
}

class Panel {
  // draw() gives {data, layout} or, where there is nothing to draw, {message}: then the panel is
  // hidden, and drawn() may say so. height in pixels.
  constructor(title, note, height, draw, drawn) {
    this.title = title;
    this.message = null;
    this.draw = draw;
    this.drawn = drawn || (() => {});
    this.isVisible = false;
    this.drawing = element('div', {class: 'plot', style: `height:${height}px`, role: 'img',
                                   'aria-label': title});
    this.figure = element('figure', {class: 'panel'},
                          element('figcaption', null, element('h4', null, title),
                                  element('p', null, note)),
                          element('div', {class: 'plot-scroll'}, this.drawing));
    this.figure.panel = this;
    panels.push(this);
    panelsInView.observe(this.figure);
  }

  show() {
    if (this.isVisible) return;
    this.isVisible = true;
    this.redraw();
  }

  redraw() {
    if (!this.isVisible) return;
    const {data, layout, height, message} = this.draw();
    Plotly.purge(this.drawing);
    this.message = message || null;
    this.figure.hidden = Boolean(message);
    this.drawing.toggleAttribute('data-drawn', !message);
    if (height) this.drawing.style.height = `${height}px`;
    if (!message) Plotly.newPlot(this.drawing, data, layoutOf(layout), plotConfiguration);
    this.drawn();
  }
}

const panels = [];

const panelsInView = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    panelsInView.unobserve(entry.target);
    entry.target.panel.show();
  }
}, {rootMargin: '400px'});

// On paper nothing can be scrolled to, folded open or chosen, and all plots are as wide as there.
function setPrinting(isPrinting) {
  document.documentElement.classList.toggle('printing', isPrinting);
  for (const details of document.querySelectorAll(isPrinting ? 'details:not([open])' : '.unfolded')) {
    details.open = isPrinting;
    details.classList.toggle('unfolded', isPrinting);
  }
  for (const panel of panels) {
    panel.isVisible = panel.isVisible || isPrinting;
    panel.redraw();
  }
}
window.addEventListener('beforeprint', () => setPrinting(true));
window.addEventListener('afterprint', () => setPrinting(false));
matchMedia('(prefers-color-scheme: dark)').addEventListener(
    'change', () => panels.forEach((panel) => panel.redraw()));
