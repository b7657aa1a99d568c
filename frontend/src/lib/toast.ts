import { $, $$, make, say } from "./dom";

export interface Toast {
  text: string;
  /** Address that takes the step back (POST). */
  undo?: string;
  /** Word on the button; 撤销 / Undo unless given. */
  label?: string;
}

const STAYS = 12_000;

function holder(): HTMLElement {
  let box = $("#toasts");
  if (!box) {
    box = make("div", { id: "toasts" });
    document.body.append(box);
  }
  // Present before its content changes, so that a screen reader hears the change.
  if (!box.hasAttribute("role")) box.setAttribute("role", "status");
  return box;
}

/** A toast goes after twelve seconds, but never while somebody is on it. */
function arm(element: HTMLElement): void {
  let timer = 0;
  const start = (): void => {
    timer = window.setTimeout(() => element.remove(), STAYS);
  };
  const stop = (): void => window.clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) element.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) element.addEventListener(name, start);
  start();
}

/** Show one line at the foot of the page; a new one takes the place of the last. */
export function toast({ text, undo, label }: Toast): void {
  const element = make("div", { class: "zy-toast zy-toast--end" }, make("span", {}, text));
  if (undo) {
    const button = make("button", { class: "btn", type: "button" }, label ?? say("撤销", "Undo"));
    button.addEventListener("click", () => {
      element.remove();
      void window.htmx.ajax("post", undo, { swap: "none", source: document.body });
    });
    element.append(button);
  }
  holder().replaceChildren(element);
  arm(element);
}

/** Toasts the server asks for (HX-Trigger: {"toast": {…}}) and those it rendered into the page. */
export function startToasts(): void {
  holder();
  for (const element of $$(".zy-toast")) arm(element);
  document.addEventListener("htmx:load", (event) => {
    const element = event.target as HTMLElement;
    for (const one of element.matches(".zy-toast") ? [element] : $$(".zy-toast", element)) arm(one);
  });
  document.addEventListener("toast", (event) => {
    const { detail } = event as CustomEvent<Toast & { value?: string }>;
    toast({ ...detail, text: detail.text ?? detail.value ?? "" });
  });
}
