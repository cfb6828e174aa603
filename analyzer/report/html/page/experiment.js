// One experiment: a section with its caveats, plots of a chosen pair and tables.

function part(title, note, content) {
  if (!content) return null;
  return [element('h3', null, title), note ? element('p', {class: 'quiet'}, note) : null, content];
}

function folded(title, texts) {
  if (texts.length === 0) return null;
  return element('details', null, element('summary', null, `${title} (${texts.length})`), list(texts));
}

// The pair that a section opens with: the variant with the largest distance.
function firstPair(pairs) {
  const within = pairs.filter((pair) => pair.kind === 'within');
  const distance = (pair) => number(pair.figures.l2_distance);
  const known = (within.length ? within : pairs).filter((pair) => distance(pair) !== null);
  known.sort((a, b) => distance(b) - distance(a));
  return known[0] || pairs[0] || null;
}

class ExperimentSection {
  constructor(index, report, row, common) {
    const pairs = pairsOf(report);
    const signals = signalsOf(report, pairs);
    this.view = {report, pairs, signals, pair: firstPair(pairs), phase: 'all', relative: false,
                 headline: report.headline_signal,
                 signal: signals.includes(report.headline_signal) ? report.headline_signal : signals[0] || report.headline_signal};
    this.panels = [];
    this.identity = element('div');
    this.notDrawn = element('p', {class: 'not-drawn', hidden: ''});
    this.section = element(
        'section', {class: 'experiment', id: `experiment-${index}`, 'aria-labelledby': `title-${index}`},
        this.heading(index, row),
        caveatList('Before relying on this', (report.caveats || []).map((c) => c.text).filter((t) => !common.has(t))),
        part('Variants', `Mean L2 of ${signalTitle(report.headline_signal)}; p-values and intervals over distinct positions.`, variantTable(this.view)),
        pairs.length ? this.controls() : element('p', {class: 'message'}, 'The file has no two configurations to compare.'),
        pairs.length ? this.plots() : null,
        part('First divergence', 'The first value with other bits in the order in which a model computes, and the first step at which another token would have been chosen.', divergenceTable(this.view)),
        part('Identical bits', 'Configurations with the same letter have the same bits wherever both have a value; \u201cfrom\u201d is the first position at which a class parts from A. The phase is the one chosen above.', this.identityPart()),
        part('What else differs', 'Versions, settings and parameters that differ from the baseline\u2019s beside the variable.', differenceTable(this.view)),
        part('Run time', '', this.timingPart()),
        part('Repetitions', '', reproducibilityTable(this.view)),
        attributionPart(report),
        folded('Gaps: what the file lacks', report.gaps || []),
        folded('Findings: what is odd in it', report.findings || []));
  }

  heading(index, row) {
    const {report} = this.view;
    const values = Object.entries(report.baseline_values || {}).map(([hardware, value]) => `${hardware}: ${value}`);
    return [
      element('div', {class: 'heading'}, element('h2', {id: `title-${index}`}, report.experiment), badge(row.detectability)),
      element('p', {class: 'facts'}, `Variable ${report.variable}; baseline ${values.join(', ') || 'unknown'}. `,
              `Baseline L2 ${figure(row.baseline_l2)}, largest signal L2 ${figure(row.max_signal_l2)}, SNR ${figure(row.snr)}. `,
              element('code', null, report.file)),
    ];
  }

  controls() {
    const {view} = this;
    const groups = Object.entries(kindNames).map(([kind, label]) => ({
      label, options: view.pairs.filter((pair) => pair.kind === kind).map((pair) => ({value: pair.id, text: pair.label})),
    })).filter((group) => group.options.length > 0);
    const set = (key, value) => { view[key] = value; this.redraw(); };
    return element(
        'div', {class: 'controls'},
        dropDown('Pair', groups, view.pair.id, (id) => set('pair', view.pairs[Number(id)])),
        dropDown('Signal', [{options: view.signals.map((name) => ({value: name, text: signalTitle(name)}))}],
                 view.signal, (name) => set('signal', name)),
        dropDown('Phase', [{options: phases.map((phase) => ({value: phase, text: phaseNames[phase]}))}],
                 view.phase, (phase) => set('phase', phase)),
        dropDown('Distance by depth', [{options: [{value: '', text: 'L2'}, {value: 'relative', text: 'relative L2'}]}],
                 '', (value) => set('relative', value !== '')));
  }

  plots() {
    const add = (...of) => this.panel(...of).figure;
    return [element(
        'div', {class: 'plots'},
        add('SNR by layer and signal', 'Bars: 95 % interval. Triangles at the edge: infinite or 0.', 300, drawSnr),
        add('Distance by layer and position', 'Of the chosen signal\u2019s kind. The gap parts prefill from decode steps.', 300, drawHeatMap),
        add('Distance by depth', 'How the change grows through the layers, prefill and decode steps apart.', 300, drawDepth),
        add('ULP distances', 'Of the chosen signal and phase: how many representable numbers lie between.', 300, drawUlps),
        add('Which bits change', 'The foremost part of the number that differs, in every signal.', 300, drawBits),
        add('Telling a position from noise', 'ROC of each variant\u2019s distances against a change of hardware; the chosen one stands out.', 300, drawRoc)),
            this.notDrawn];
  }

  panel(title, note, height, draw) {
    const made = new Panel(title, note, height, () => draw(this.view), () => this.sayWhatIsNotDrawn());
    this.panels.push(made);
    return made;
  }

  sayWhatIsNotDrawn() {
    const messages = this.panels.filter((panel) => panel.message)
                         .map((panel) => `${panel.title}: ${panel.message}`);
    this.notDrawn.hidden = messages.length === 0;
    this.notDrawn.textContent = `Not drawn. ${messages.join(' ')}`;
  }

  timingPart() {
    const made = timingTable(this.view);
    if (!made) return null;
    return element('div', {class: 'timing-part'}, made, this.panel(
        'Slowdown', 'Against the baseline on the same hardware; bars: 95 % interval.', 200, drawSlowdowns).figure);
  }

  identityPart() {
    const made = identityTable(this.view);
    if (!made) return null;
    this.identity.replaceChildren(made);
    return this.identity;
  }

  redraw() {
    this.panels.forEach((panel) => panel.redraw());
    this.identityPart();
  }
}
