// What scripts add to the verdict, which is complete without them.

const scaleWidth = 132;

// The SNR with its interval on a logarithmic scale with lines at 1, 3 and 10.
function snrScale(row, range) {
  const at = (v) => scaleWidth * (Math.log10(Math.min(Math.max(v, range[0]), range[1])) -
      Math.log10(range[0])) / (Math.log10(range[1]) - Math.log10(range[0]));
  const snr = number(row.snr);
  const drawing = svgElement('svg', {width: scaleWidth, height: 30, 'aria-hidden': 'true',
                                     viewBox: `-8 0 ${scaleWidth + 16} 30`});
  for (const threshold of [1, 3, 10]) {
    drawing.append(svgElement('line', {x1: at(threshold), x2: at(threshold), y1: 0, y2: 30,
                                       stroke: 'var(--line)'}));
  }
  if (snr === null) return drawing;
  const tint = `var(--${classLook(row.detectability).css})`;
  const interval = bounds(row.snr_interval);
  if (interval !== null) {
    drawing.append(svgElement('line', {x1: at(interval[0]), x2: at(interval[1]), y1: 15, y2: 15,
                                       stroke: tint, 'stroke-width': 2, 'stroke-linecap': 'round'}));
  }
  const x = at(snr);
  const isOutside = snr < range[0] || snr > range[1];
  const direction = snr > range[1] ? 1 : -1;
  drawing.append(isOutside ?
      svgElement('path', {d: `M${x + 6 * direction} 15 l${-9 * direction} -5 v10 z`, fill: tint}) :
      svgElement('circle', {cx: x, cy: 15, r: 4.5, fill: tint}));
  return drawing;
}

function scaleHeading(range) {
  const span = Math.log10(range[1]) - Math.log10(range[0]);
  const drawing = svgElement('svg', {width: scaleWidth, height: 16,
                                     viewBox: `-8 0 ${scaleWidth + 16} 16`,
                                     role: 'img', 'aria-label': 'SNR, logarithmic'});
  for (const threshold of [1, 3, 10]) {
    const x = scaleWidth * (Math.log10(threshold) - Math.log10(range[0])) / span;
    drawing.append(svgElement('text', {x, y: 12, 'text-anchor': 'middle', 'font-size': 11,
                                       fill: 'currentColor'}, String(threshold)));
  }
  return drawing;
}

function addScales(summary) {
  const range = [0.3, 60];
  const rows = document.querySelectorAll('table.verdict tbody tr');
  document.querySelector('table.verdict thead tr').children[2].after(
      element('th', {scope: 'col', class: 'scale'}, scaleHeading(range)));
  rows.forEach((row, i) => row.querySelector('[data-key="snr"]').after(
      element('td', {class: 'scale'}, snrScale(summary[i], range))));
}

function addProvenance(reports) {
  const hardware = new Set(reports.flatMap((report) => Object.keys(report.baseline_values || {})));
  const configurations = new Set(
      reports.flatMap((report) => Object.keys(report.reproducibility || {})));
  const resampling = (reports.find((report) => report.resampling) || {}).resampling || {};
  document.getElementById('provenance').append(
      element('span', null, `Hardware: ${[...hardware].join(', ') || 'none'}`),
      element('span', null, `${reports.length} experiment files`),
      element('span', null, `${configurations.size} configurations`),
      element('span', null, `seed ${resampling.seed}, ${whole(resampling.resamples)} resamples`));
}

// Caveats that all experiments share stand once, above all.
function commonCaveats(reports) {
  if (reports.length < 2) return [];
  const texts = reports.map((report) => new Set((report.caveats || []).map((c) => c.text)));
  return [...texts[0]].filter((text) => texts.every((others) => others.has(text)));
}

function caveatList(title, texts) {
  if (texts.length === 0) return null;
  return element('div', {class: 'caveats'}, element('h4', null, title), list(texts));
}

function addContents(summary, reports) {
  const entry = (href, name, dots, css) => element(
      'li', null,
      element('a', {href}, element('span', {class: 'name'}, name),
              element('span', {class: `dots ${css}`, 'aria-hidden': 'true'}, dots)));
  document.getElementById('contents').append(element(
      'ul', null, entry('#verdict', 'Verdict', '', ''),
      summary.map((row, i) => {
        const look = classLook(row.detectability);
        return reports[i] ? entry(`#experiment-${i}`, row.experiment, look.dots, look.css) : null;
      })));
}
