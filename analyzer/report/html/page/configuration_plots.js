// What configurations took: run time and slowdown.

// [{hardware, id, ...figures}] of run_time.
function runTimes(report) {
  return Object.entries(report.run_time || {}).flatMap(
      ([hardware, byId]) => Object.entries(byId).map(([id, figures]) => ({hardware, id, ...figures})));
}

function drawSlowdowns(view) {
  const rows = runTimes(view.report)
      .map((row) => ({...row, slowdown: number(row.slowdown), interval: bounds(row.slowdown_interval)}))
      .filter((row) => row.slowdown !== null && Number.isFinite(row.slowdown));
  if (rows.length === 0) return {message: 'No run times.'};
  const ends = rows.flatMap((row) => [row.slowdown, ...(row.interval || [])]);
  const low = Math.min(1, ...ends), high = Math.max(1, ...ends);
  const margin = Math.max(0.02, 0.08 * (high - low));
  return {
    height: 22 * rows.length + 90,
    data: [{
      type: 'scatter', mode: 'markers',
      y: rows.map((row) => plotText(row.id)), x: rows.map((row) => row.slowdown),
      error_x: {type: 'data', symmetric: false, thickness: 1.5, width: 4, color: colour('--hidden-states'),
                array: rows.map((row) => row.interval ? row.interval[1] - row.slowdown : 0),
                arrayminus: rows.map((row) => row.interval ? row.slowdown - row.interval[0] : 0)},
      marker: {size: 9, color: colour('--hidden-states')},
      text: rows.map((row) => `${figure(row.slowdown)} \u00d7 ${intervalOrReason(row.interval, row.interval_reason)}<br>` +
          `${figure(row.mean_seconds)} s, ${whole(row.repetitions)} repetitions`),
      hovertemplate: '%{y}: %{text}<extra></extra>',
    }],
    layout: {
      xaxis: axis('run time / baseline\u2019s', {range: [low - margin, high + margin]}),
      yaxis: axis('', {type: 'category', range: [rows.length - 0.4, -0.6]}),
      shapes: [{type: 'line', yref: 'paper', y0: 0, y1: 1, x0: 1, x1: 1, layer: 'below',
                line: {color: colour('--quiet'), width: 1, dash: 'dot'}}],
    },
  };
}
