// The grid of nodes: a letter for each node comes with the events of the page's stream, and the cells whose letter is
// another one change their class. Arrow keys choose a cell.
const stream = document.querySelector('[hx-sse\\:connect]');
const field = document.getElementById('field');

const state = {cells: [], letters: [], counts: [], chosen: -1, opened: false, pause: 1000};

// read takes over the grid as it stands in the page.
function read() {
  const grid = document.getElementById('grid');
  state.cells = [...grid.getElementsByTagName('i')];
  state.letters = state.cells.map((cell) => cell.className);
  state.counts = [...grid.querySelectorAll('.group')].map((group) => ({
    size: group.getElementsByTagName('i').length, text: group.querySelector('p b'),
  }));
  state.chosen = -1;
}

// again reads the page anew, but not all the time.
function again() {
  const last = Number(sessionStorage.getItem('again'));
  if (Date.now() - last < 30000) return;
  sessionStorage.setItem('again', Date.now());
  location.reload();
}

// letters sets the classes that differ. Those of another order are of another grid: the page is read anew.
function letters(data) {
  const [order, text] = data.split(' ');
  const grid = document.getElementById('grid');
  if (grid.dataset.order !== order || text.length !== state.cells.length) {
    again();
    return;
  }
  for (let i = 0; i < text.length; i++) {
    if (state.letters[i] !== text[i]) {
      state.letters[i] = text[i];
      const cell = state.cells[i];
      cell.className = i === state.chosen ? text[i] + ' chosen' : text[i];
    }
  }
  let from = 0;
  for (const group of state.counts) {
    if (group.text) {
      let settled = 0;
      for (let i = from; i < from + group.size; i++) settled += state.letters[i] === 's';
      if (group.text.textContent !== String(settled)) group.text.textContent = settled;
    }
    from += group.size;
  }
  tell();
}

// order puts another grid into the place of the one that is there.
function order(data) {
  const name = state.cells[state.chosen]?.title;
  const made = new DOMParser().parseFromString(data, 'text/html').getElementById('grid');
  const grid = document.getElementById('grid');
  grid.replaceWith(made);
  read();
  if (name) choose(state.cells.findIndex((cell) => cell.title === name));
}

// tell says what the chosen cell is.
function tell() {
  const chosen = document.getElementById('chosen');
  if (!chosen) return;
  const cell = state.cells[state.chosen];
  const words = cell && document.querySelector(`#legend [data-letter="${state.letters[state.chosen]}"]`)?.dataset.words;
  const text = cell ? `${cell.title}: ${words ?? 'not known'}` : '';
  if (chosen.textContent !== text) chosen.textContent = text;
}

function choose(i) {
  state.cells[state.chosen]?.classList.remove('chosen');
  state.chosen = i;
  const cell = state.cells[i];
  if (cell) {
    cell.classList.add('chosen');
    cell.scrollIntoView({block: 'nearest', inline: 'nearest'});
  }
  tell();
}

// beside is the cell above or below one: the nearest of the next row.
function beside(i, down) {
  const from = state.cells[i].getBoundingClientRect();
  const step = down ? 1 : -1;
  let best = i, distance = Infinity, row = null;
  for (let k = i + step; k >= 0 && k < state.cells.length; k += step) {
    const at = state.cells[k].getBoundingClientRect();
    if (Math.abs(at.top - from.top) < 2) continue;
    if (row === null) row = at.top;
    if (Math.abs(at.top - row) > 2) break;
    if (Math.abs(at.left - from.left) < distance) [best, distance] = [k, Math.abs(at.left - from.left)];
  }
  return best;
}

function key(event) {
  if (event.target !== field || !state.cells.length || event.altKey || event.ctrlKey || event.metaKey) return;
  const last = state.cells.length - 1, i = state.chosen;
  const moves = {ArrowRight: () => Math.min(i + 1, last), ArrowLeft: () => Math.max(i - 1, 0),
    ArrowDown: () => i < 0 ? 0 : beside(i, true), ArrowUp: () => i < 0 ? 0 : beside(i, false),
    Home: () => 0, End: () => last};
  if (moves[event.key]) {
    event.preventDefault();
    choose(moves[event.key]());
  } else if (event.key === 'Escape') {
    choose(-1);
  } else if (event.key === 'Enter' && i >= 0) {
    open(state.cells[i]);
  }
}

function open(cell) {
  location.assign(stream.dataset.nodes + encodeURIComponent(cell.title));
}

// news says since when the page has had none, and no more when there is some.
function news(some) {
  const silence = document.getElementById('silence');
  if (some === silence.hidden) return;
  silence.querySelector('time').textContent = new Date().toISOString().replace('T', ' ').replace(/\..*/, 'Z');
  silence.hidden = some;
}

// connect opens the first stream again, after a longer pause each time. One that was open htmx opens again by itself.
function connect() {
  clearTimeout(state.timer);
  state.timer = setTimeout(() => htmx.ajax('GET', stream.getAttribute('hx-sse:connect'), {source: stream}), state.pause);
  state.pause = Math.min(2 * state.pause, 60000);
}

if (stream) {
  for (const name of ['htmx:error', 'htmx:response:error', 'htmx:sse:error']) {
    stream.addEventListener(name, () => { news(false); if (!state.opened) connect(); });
  }
  stream.addEventListener('htmx:sse:after:connection', () => { state.opened = true; news(true); });
}
if (stream && field) {
  read();
  stream.addEventListener('letters', (event) => letters(event.detail.data));
  stream.addEventListener('order', (event) => order(event.detail.data));
  field.addEventListener('keydown', key);
  field.addEventListener('click', (event) => {
    if (event.target.localName === 'i') open(event.target);
  });
}
