import { $, make, say } from "./dom";

/**
 * 谁说的？ A mark (`button[aria-haspopup=dialog]` with hx-get into #prov) opens a small dialog beside itself.
 * Esc, a click elsewhere and [data-close] shut it, and the focus returns to the mark.
 */
let opener: HTMLElement | null = null;

function slot(): HTMLElement {
  let box = $("#prov");
  if (!box) {
    box = make("div", { id: "prov" });
    document.body.append(box);
  }
  return box;
}

function place(panel: HTMLElement, mark: HTMLElement): void {
  if (window.matchMedia("(max-width: 575.98px)").matches) return; // the style sheet makes it a bottom sheet
  const at = mark.getBoundingClientRect();
  const size = panel.getBoundingClientRect();
  const left = Math.min(Math.max(16, at.left + at.width / 2 - 40), window.innerWidth - size.width - 16);
  const below = at.bottom + 8;
  const fits = below + size.height <= window.innerHeight - 8 || at.top < size.height + 16;
  panel.style.position = "absolute";
  panel.style.left = `${left + window.scrollX}px`;
  panel.style.top = `${(fits ? below : at.top - size.height - 8) + window.scrollY}px`;
}

function open(): void {
  const box = slot();
  const panel = $(".zy-prov", box) ?? (box.firstElementChild as HTMLElement | null);
  if (!panel || !opener) return;
  panel.setAttribute("role", "dialog");
  if (!panel.hasAttribute("aria-label") && !panel.hasAttribute("aria-labelledby"))
    panel.setAttribute("aria-label", say("谁说的？", "Who says so?"));
  panel.tabIndex = -1;
  opener.setAttribute("aria-expanded", "true");
  place(panel, opener);
  panel.focus({ preventScroll: true });
}

export function close(returnFocus = true): void {
  const box = slot();
  if (!box.firstElementChild) return;
  box.replaceChildren();
  opener?.setAttribute("aria-expanded", "false");
  if (returnFocus && opener?.isConnected) opener.focus({ preventScroll: true });
  opener = null;
}

export function startPopover(): void {
  slot();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const mark = (event.target as HTMLElement).closest<HTMLElement>("[aria-haspopup='dialog']");
    if (!mark || mark.closest("#prov")) return;
    const again = mark === opener && slot().firstElementChild;
    close(false);
    if (again) event.preventDefault(); // a second press on the same mark shuts it
    else opener = mark;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if ((event as CustomEvent<{ target: HTMLElement }>).detail.target?.id === "prov") open();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && slot().firstElementChild) {
      event.preventDefault();
      close();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    const target = event.target as HTMLElement;
    if (slot().firstElementChild && !target.closest("#prov, [aria-haspopup='dialog']")) close(false);
  });
  document.addEventListener("click", (event) => {
    if ((event.target as HTMLElement).closest("#prov [data-close]")) close();
  });
  document.addEventListener("focusin", (event) => {
    // Tabbing out of the panel shuts it: reading is never modal.
    const box = slot();
    const target = event.target as HTMLElement;
    if (box.firstElementChild && !box.contains(target) && target !== opener) close(false);
  });
}
