// How well a run without a label finds its configuration: each known one left out in turn.

// Rows are the truth, columns the answers; the diagonal is right.
function confusionTable(title, found) {
  const {labels, answers, matrix} = found;
  const row = (name, counts, right) => {
    const total = counts.reduce((sum, n) => sum + n, 0);
    return [name, ...counts.map((n, answer) => {
      const share = total > 0 ? Math.round(50 * n / total) : 0;
      return {cell: element('td', {class: right === answer ? 'diagonal' : null,
                                   style: `--share: ${share}%`}, n === 0 ? '\u00b7' : String(n))};
    })];
  };
  const rows = matrix.map((counts, truth) => row(labels[truth], counts, truth));
  if (found.absent) rows.push(row('a label that the library lacks', found.absent, answers.indexOf('none of these')));
  return table(title, [{title: 'Truth'}, ...answers.map((answer) => ({title: answer}))], rows, {class: 'confusion'});
}

function accuracyText(found) {
  const absent = number(found.absent_accuracy) === null ? '' :
      ` Of labels that the library lacks, ${percent(found.absent_accuracy)} ${intervalText(found.absent_accuracy_interval)} were called none of these.`;
  return `${whole(found.right)} of ${whole(found.attributed)} right: ${percent(found.accuracy)} ` +
      `${intervalText(found.accuracy_interval)}, with a mean confidence of ${percent(found.mean_confidence)}.${absent}` +
      (found.caveat ? ` Caveat: ${found.caveat}.` : '');
}

// Of attribution.leave_one_out; null if the report has none.
function attributionPart(report) {
  const questions = [['by_value', 'The variable\u2019s value, asked of other hardware'],
                     ['by_hardware', 'The hardware, asked of other values']];
  const leaveOneOut = (report.attribution || {}).leave_one_out || {};
  const asked = questions.filter(([key]) => leaveOneOut[key] && leaveOneOut[key].labels.length > 0);
  if (asked.length === 0) return null;
  return part('Attribution', 'Each configuration is taken out and attributed by the rest. Rows: the truth; columns: the answer.',
              element('div', null, asked.map(([key, title]) => [
                element('h4', null, title), element('p', {class: 'quiet'}, accuracyText(leaveOneOut[key])),
                confusionTable(title, leaveOneOut[key])])
                  .flat()));
}
