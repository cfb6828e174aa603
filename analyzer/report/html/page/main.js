// The page: everything from the two embedded texts.

// What goes wrong is said on the page itself.
function showError(message) {
  const errors = document.getElementById('errors');
  errors.hidden = false;
  errors.append(element('p', null, message));
}
window.addEventListener('error', (event) => showError(`This page could not be drawn in full: ${event.message}`));
window.addEventListener('unhandledrejection', (event) => showError(`This page could not be drawn in full: ${event.reason}`));
document.addEventListener('securitypolicyviolation',
                          (event) => showError(`Refused by the page's own policy: ${event.violatedDirective} ${event.blockedURI}`));

function drawPage() {
  const reports = embedded('analysis-reports');
  const summary = embedded('summary');
  const ordered = reportsInOrder(reports, summary);
  const found = ordered.filter((report) => report !== null);
  const common = new Set(commonCaveats(found));
  addScales(summary);
  addProvenance(found);
  addContents(summary, ordered);
  const shared = caveatList('Of all experiments', [...common]);
  if (shared) document.getElementById('common-caveats').append(shared);
  const experiments = document.getElementById('experiments');
  ordered.forEach((report, i) => {
    if (report !== null) experiments.append(new ExperimentSection(i, report, summary[i], common).section);
  });
}

drawPage();
