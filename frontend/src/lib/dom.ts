/** Small helpers every island uses. */

export const english = document.documentElement.lang.toLowerCase().startsWith("en");

/** The interface speaks Chinese unless the page says English. */
export const say = (zh: string, en: string): string => (english ? en : zh);

export const $ = <T extends HTMLElement = HTMLElement>(selector: string, root: ParentNode = document): T | null =>
  root.querySelector<T>(selector);

export const $$ = <T extends HTMLElement = HTMLElement>(selector: string, root: ParentNode = document): T[] =>
  Array.from(root.querySelectorAll<T>(selector));

/** Build an element; text goes in as text, never as markup. */
export function make(tag: string, attributes: Record<string, string> = {}, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Whether a key press belongs to a field and not to the page. */
export function inField(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target?.closest("input, textarea, select, [contenteditable=''], [contenteditable='true'], dialog[open]");
}

/** Tell a screen reader, politely. */
export function announce(text: string): void {
  let region = $("#status");
  if (!region) {
    region = make("div", { id: "status", role: "status", class: "zy-vh" });
    document.body.append(region);
  }
  region.textContent = text;
}

/** Bring an element into sight inside its own scrolling box; the page moves only when the box is the page. */
export function reveal(element: HTMLElement): void {
  for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
    const { overflowY } = getComputedStyle(box);
    if ((overflowY === "auto" || overflowY === "scroll") && box.scrollHeight > box.clientHeight + 1) {
      const inner = element.getBoundingClientRect();
      const outer = box.getBoundingClientRect();
      if (inner.top < outer.top + 8 || inner.bottom > outer.bottom - 8)
        box.scrollTop += inner.top - outer.top - Math.max(8, (outer.height - inner.height) / 3);
      return;
    }
  }
  element.scrollIntoView({ block: "nearest" });
}
