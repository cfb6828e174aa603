// Figures as the reports have them, and as a person reads them.

// A number of the JSON: NaN and infinities are strings there; what is not known is null.
function number(value) {
  if (typeof value === 'number') return value;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  if (value === 'NaN') return NaN;
  return null;
}

const superscripts = {'-': '\u207b', '0': '\u2070', '1': '\u00b9', '2': '\u00b2', '3': '\u00b3',
                      '4': '\u2074', '5': '\u2075', '6': '\u2076', '7': '\u2077', '8': '\u2078',
                      '9': '\u2079'};

function power(exponent) {
  return '10' + [...String(exponent)].map((c) => superscripts[c]).join('');
}

// Three significant digits: "27.6", "6.40×10⁻⁵", "∞", a dash for what is not known.
function figure(value) {
  const known = number(value);
  if (known === null) return '\u2013';
  if (Number.isNaN(known)) return 'NaN';
  if (known === Infinity) return '\u221e';
  if (known === -Infinity) return '\u2212\u221e';
  if (known === 0) return '0';
  const [digits, exponentText] = Math.abs(known).toExponential(2).split('e');
  const exponent = Number(exponentText);
  const sign = known < 0 ? '\u2212' : '';
  if (exponent >= -3 && exponent < 6) {
    return sign + Math.abs(known).toFixed(Math.max(0, 2 - exponent));
  }
  return `${sign}${digits}\u00d7${power(exponent)}`;
}

// Nine significant digits, which tell any two float32 numbers apart.
function allDigits(value) {
  return typeof value === 'number' ? String(Number(value.toPrecision(9))) : figure(value);
}

function whole(value) {
  const known = number(value);
  return known === null ? '\u2013' : Number.isFinite(known) ? known.toLocaleString('en') : figure(known);
}

function percent(share) {
  const known = number(share);
  return known === null ? '\u2013' : `${figure(100 * known)} %`;
}

function probability(value) {
  const known = number(value);
  if (known === null) return '\u2013';
  return known < 0.001 ? '<\u202f0.001' : String(Number(known.toPrecision(2)));
}

// An interval as [low, high] or {low, high}; null if there is none.
function bounds(interval) {
  if (interval === null || interval === undefined) return null;
  const [low, high] = Array.isArray(interval) ? interval : [interval.low, interval.high];
  const both = [number(low), number(high)];
  return both.includes(null) ? null : both;
}

function intervalText(interval) {
  const both = bounds(interval);
  return both === null ? '' : `[${figure(both[0])}, ${figure(both[1])}]`;
}

function intervalOrReason(interval, reason) {
  return intervalText(interval) || (reason ? `(no interval: ${reason})` : '');
}

// A text with what cannot be seen made visible: "\n", quotes.
function quoted(text) {
  return text === null || text === undefined ? '\u2013' : JSON.stringify(text);
}

function shortened(text, most) {
  const characters = [...String(text)];
  return characters.length <= most ? String(text) : characters.slice(0, most - 1).join('') + '\u2026';
}
