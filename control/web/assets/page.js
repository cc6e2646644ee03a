/* global document, Element */
// Says so when what is shown can no longer be refreshed: nothing looks as calm as a clock that has stopped.
document.addEventListener('htmx:error', (event) => {
  const element = event.target instanceof Element ? event.target : document.body;
  const note = element.querySelector('.stale') ?? element.insertBefore(document.createElement('p'), element.firstChild);
  note.className = 'stale';
  note.setAttribute('role', 'alert');
  note.textContent = 'keybaton does not answer: what stands below is old';
});
