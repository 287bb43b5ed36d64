/** Elements of the page, made without HTML text. */

/** A button in JupyterLab's style, with a text. */
export function button(text: string, pressed: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'jp-mod-styled jp-mod-minimal';
  made.textContent = text;
  made.addEventListener('click', pressed);
  return made;
}
