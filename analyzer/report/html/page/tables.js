// The tables of an experiment.

// Without an interval, why there is none.
function figureWithInterval(value, interval, reason) {
  const text = intervalText(interval);
  const why = !text && reason ? element('span', {class: 'note no-interval'}, reason) : null;
  return [figure(value), text ? element('span', {class: 'interval'}, ' ', text) : why];
}

// The name of a pair's second configuration, with what it is held against below.
function pairName({kind, figures, a, b}) {
  const notes = [`against ${a}${kind === 'across' ? ', other hardware' : ''}`];
  if ((figures.not_reproducible || []).length > 0) notes.push('\u26a0 not reproducible');
  return element('span', null, b, notes.map((note) => element('span', {class: 'note'}, note)));
}

// A variant a row: distance, SNR, test and class of the headline signal.
function variantTable(view) {
  const rows = view.pairs.filter((pair) => pair.kind !== 'noise').map((pair) => {
    const {figures} = pair;
    const signal = (figures.signals || {})[view.headline] || {};
    const against = (signal.uncertainty || {}).against_noise || {};
    return [
      pairName(pair), badge(figures.detectability || 'Undefined'), figure(figures.l2_distance),
      element('span', null, figureWithInterval(figures.snr, against.snr_interval, against.interval_reason)),
      figure(figures.snr_at_baseline_value), probability(against.p_holm), figure(against.auc),
      whole(against.tokens_needed),
    ];
  });
  return rows.length === 0 ? null : table('Variants', [
    {title: 'Configuration'}, {title: 'Class'}, {title: 'Mean L2', number: true},
    {title: 'SNR [95 %, by position]', number: true}, {title: 'SNR at baseline value', number: true},
    {title: 'p (Holm)', number: true}, {title: 'AUC', number: true},
    {title: 'Tokens needed', number: true},
  ], rows, {class: 'variants'});
}

// "step 11: " the" and " a""; a configuration's own token and the other's.
function tokensText(token) {
  if (!token) return 'no step';
  return element('span', null, element('code', null, quoted(token.a.token_text)), ' \u2192 ',
                 element('code', null, quoted(token.b.token_text)),
                 element('span', {class: 'note'}, `step ${token.step}, ids ${token.a.token_id} and ${token.b.token_id}`));
}

function withNote(text, note) {
  return element('span', null, text, element('span', {class: 'note'}, note));
}

// Where bits part first, and where the tokens that would be chosen do.
function divergenceTable(view) {
  const rows = view.pairs.filter(({figures}) => figures.contexts).map((pair) => {
    const first = pair.figures.first_divergence;
    const value = (shown, bits) => element('span', null, allDigits(shown), element('span', {class: 'note bits'}, bits));
    const where = first ? [
      withNote(signalTitle(first.signal), `element ${first.element}`),
      withNote(`position ${first.position}`, `${first.phase}, step ${first.step}, ${first.window}`),
      value(first.a, first.a_bits), value(first.b, first.b_bits), whole(first.ulps),
    ] : ['nowhere: the same bits', '\u2013', '\u2013', '\u2013', '\u2013'];
    return [pairName(pair), ...where, tokensText(pair.figures.first_divergent_token)];
  });
  return rows.length === 0 ? null : table('First divergence', [
    {title: 'Pair (b against a)'}, {title: 'First in'}, {title: 'At'}, {title: 'a', number: true},
    {title: 'b', number: true}, {title: 'ULPs', number: true},
    {title: 'Tokens of a and b part at', class: 'token'},
  ], rows, {class: 'divergence'});
}

// What differs beside the variable: variants with the same two values stand in one row.
function differenceTable(view) {
  const rows = new Map();
  for (const {kind, figures, b} of view.pairs) {
    if (kind !== 'within') continue;
    for (const [name, {baseline, variant}] of Object.entries(figures.other_differences || {})) {
      const key = JSON.stringify([name, baseline, variant]);
      if (!rows.has(key)) rows.set(key, {name, baseline, variant, ids: []});
      rows.get(key).ids.push(b);
    }
  }
  if (rows.size === 0) return null;
  const said = (text) => text === '' || text === null || text === undefined ?
      element('span', {class: 'quiet'}, 'not said') : element('code', null, shortened(text, 200));
  return table('Differences', [
    {title: 'What'}, {title: 'Baseline', class: 'wide'}, {title: 'Variant', class: 'wide'},
    {title: 'Variants', class: 'wide'},
  ], [...rows.values()].map((row) => [element('code', null, row.name), said(row.baseline), said(row.variant),
                                      row.ids.join(', ')]), {class: 'differences'});
}

function timingTable(view) {
  const rows = runTimes(view.report).map((row) => {
    const load = row.overlap || {};
    const note = number(load.overlap_share) === null ? row.hardware :
        `${row.hardware}; load ran ${percent(load.overlap_share)} of the time, at ${percent(load.utilisation)}`;
    return [withNote(row.id, note), figure(row.mean_seconds), figure(row.variance), whole(row.repetitions),
            element('span', null, figureWithInterval(row.slowdown, row.slowdown_interval, row.interval_reason))];
  });
  return rows.length === 0 ? null : table('Run times', [
    {title: 'Configuration'}, {title: 'Mean, s', number: true}, {title: 'Variance, s\u00b2', number: true},
    {title: 'Repetitions', number: true}, {title: 'Slowdown', number: true},
  ], rows, {class: 'timing'});
}

function reproducibilityTable(view) {
  const rows = Object.values(view.report.reproducibility || {}).map((checked) => [
    checked.config_id,
    checked.reproducible === true ? 'bit-identical' : checked.reproducible === false ? '\u26a0 differ' : 'not verifiable',
    whole(checked.repetitions), whole(checked.stored_repetitions), figure(checked.max),
    checked.note || '',
  ]);
  return rows.length === 0 ? null : table('Repetitions', [
    {title: 'Configuration'}, {title: 'Repetitions are'}, {title: 'Known', number: true},
    {title: 'Stored', number: true}, {title: 'Largest L2 between them', number: true}, {title: 'Note', class: 'wide'},
  ], rows, {class: 'reproducibility'});
}
