// Which configurations have the same bits: a letter a class.

const classTints = ['--quiet', '--hidden-states', '--third', '--logprobs', '--key-vectors', '--second'];

function classLetter(index) {
  return index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
}

// A cell of a configuration and signal: its class and the position at which it parts from A.
function identityCell(found, id) {
  const index = found.classes.findIndex((members) => members.includes(id));
  if (index < 0) return {cell: element('td', {class: 'quiet', title: 'nothing stored'}, '\u00b7')};
  const partedAt = (found.parted_at || [])[index];
  const parts = index > 0 && number(partedAt) !== null;
  return {cell: element(
      'td', {'data-class': classLetter(index), style: `--tint: var(${classTints[index % classTints.length]})`},
      element('span', {class: 'letter'}, classLetter(index)),
      parts ? element('span', {class: 'sub'}, `from ${partedAt}`) : null)};
}

function identityTable(view) {
  const signals = Object.keys(view.report.identity_classes || {});
  const ids = Object.keys(view.report.reproducibility || {});
  if (signals.length === 0 || ids.length === 0) return null;
  const columns = [{title: 'Configuration'}, ...signals.map((name) => ({title: signalShort(name)}))];
  const rows = ids.map((id) => [
    id, ...signals.map((name) => identityCell(view.report.identity_classes[name][view.phase], id))]);
  return table('Identity classes', columns, rows, {class: 'identity'});
}
