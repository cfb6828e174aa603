'use strict';
// Elements. Text is only ever a text node: what a file says is never markup.

// element('td', {class: 'number'}, 'text', anotherElement): null and undefined children are passed
// over, attributes that are null too.
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function svgElement(tag, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A table that scrolls by itself. columns: [{title, number}]; rows: lists of a text, an element or,
// for a cell with attributes, {cell: element}. The first cell of a row is its heading.
function table(label, columns, rows, attributes) {
  const head = columns.map((column) => element(
      'th', {scope: 'col', class: column.number ? 'number' : null}, column.title));
  const body = rows.map((row) => element('tr', null, row.map((content, i) => {
    if (content && content.cell) return content.cell;
    const kind = i === 0 ? 'th' : 'td';
    return element(kind, {
      scope: i === 0 ? 'row' : null,
      class: columns[i].class || (columns[i].number ? 'number' : null),
    }, content);
  })));
  return element(
      'div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label},
      element('table', attributes, element('thead', null, element('tr', null, head)),
              element('tbody', null, body)));
}

// A drop-down; groups: [{label, options: [{value, text}]}], a group without label has none.
function dropDown(title, groups, chosen, changed) {
  const select = element('select', {'data-control': title});
  for (const group of groups) {
    const options = group.options.map(
        (option) => element('option', {value: option.value}, option.text));
    select.append(...(group.label ? [element('optgroup', {label: group.label}, options)] : options));
  }
  select.value = chosen;
  select.addEventListener('change', () => changed(select.value));
  return element('label', null, title, select);
}

function list(texts) {
  return element('ul', null, texts.map((text) => element('li', null, text)));
}
