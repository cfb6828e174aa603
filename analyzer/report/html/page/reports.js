// What the embedded JSON holds, under the names of docs/file_formats.md.

function embedded(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const phases = ['all', 'prefill', 'decode'];
const phaseNames = {all: 'all positions', prefill: 'prefill', decode: 'decode steps'};

const classLooks = {
  'Strong': {css: 'strong', dots: '\u25cf\u25cf\u25cf'},
  'Moderate': {css: 'moderate', dots: '\u25cf\u25cf\u25cb'},
  'Weak': {css: 'weak', dots: '\u25cf\u25cb\u25cb'},
  'Not Detectable': {css: 'none', dots: '\u25cb\u25cb\u25cb'},
  'Undefined': {css: 'undefined', dots: '?'},
};

function classLook(name) {
  return classLooks[name] || classLooks.Undefined;
}

function badge(name) {
  const look = classLook(name);
  return element('span', {class: `badge ${look.css}`},
                 element('span', {class: 'dots', 'aria-hidden': 'true'}, look.dots), name);
}

// The reports in the order of the summary's rows: objects whose keys are numbers lose theirs.
function reportsInOrder(reports, summary) {
  const left = Object.values(reports).filter((report) => report && report.experiment !== undefined);
  return summary.map((row) => {
    const found = left.findIndex(
        (report) => report.experiment === row.experiment && report.file === row.file);
    return found < 0 ? null : left.splice(found, 1)[0];
  });
}

// Two configurations that are compared. kind: 'within' a hardware, 'noise' (the same value on two
// hardware) or 'across' (variant on one, baseline on another).
function pairsOf(report) {
  const pairs = [];
  const add = (kind, hardware, value, figures, a, b) => pairs.push(
      {kind, hardware, value, figures, a, b, label: `${b} against ${a}`, id: String(pairs.length)});
  const variants = (kind, groups) => {
    for (const [hardware, byValue] of Object.entries(groups || {})) {
      for (const [value, figures] of Object.entries(byValue)) {
        add(kind, hardware, value, figures, figures.baseline_config_id, figures.config_id);
      }
    }
  };
  variants('within', report.within_hardware_detectability);
  for (const [value, figures] of Object.entries(report.cross_hardware_baseline || {})) {
    const ids = Object.entries(figures).filter(([key]) => key.endsWith('_config')).map(([, id]) => id);
    add('noise', figures.hardware, value, figures, ids[0], ids[1] || ids[0]);
  }
  variants('across', report.cross_hardware_detectability);
  return pairs;
}

const kindNames = {
  within: 'The variable changes, on one hardware',
  noise: 'The hardware changes: the noise',
  across: 'Both change',
};

// "hidden_states/layer_47" as {kind, layer}; log-probs have no layer.
function signalParts(name) {
  const [kind, layer] = name.split('/layer_');
  return {kind, layer: layer === undefined ? null : Number(layer)};
}

const signalKinds = {
  hidden_states: {title: 'hidden states', short: 'h', colour: '--hidden-states', symbol: 'circle'},
  key_vectors: {title: 'keys', short: 'k', colour: '--key-vectors', symbol: 'square'},
  logprobs: {title: 'log-probs', short: 'log p', colour: '--logprobs', symbol: 'diamond'},
};

function signalTitle(name) {
  const {kind, layer} = signalParts(name);
  const title = signalKinds[kind] ? signalKinds[kind].title : kind;
  return layer === null ? title : `${title}, layer ${layer}`;
}

function signalShort(name) {
  const {kind, layer} = signalParts(name);
  const short = signalKinds[kind] ? signalKinds[kind].short : kind;
  return layer === null ? short : `${short} ${layer}`;
}

// The signals that any pair or identity class has, as the reports order them.
function signalsOf(report, pairs) {
  const names = new Set(Object.keys(report.noise || {}));
  for (const pair of pairs) {
    for (const name of Object.keys(pair.figures.signals || {})) names.add(name);
  }
  return [...names];
}

// [{name, layer, figures}] of one kind of signal in a pair, by layer.
function layersOf(pair, kind) {
  return Object.entries((pair && pair.figures.signals) || {})
      .map(([name, figures]) => ({name, figures, ...signalParts(name)}))
      .filter((signal) => signal.kind === kind)
      .sort((a, b) => a.layer - b.layer);
}
