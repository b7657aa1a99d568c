import { $, $$, inField } from "../lib/dom";

/*
 * The verification desk by keyboard: J K move, V verifies, R returns (first it asks for the reason), D opens the original.
 * Letters act only while no field has focus; every key presses a button or link that is there.
 */
function step(by: 1 | -1): void {
  const links = $$<HTMLAnchorElement>("#desk .zy-q[data-claim]");
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  links[Math.min(links.length - 1, Math.max(0, at + by))]?.click();
}

function sendBack(): void {
  const reason = $<HTMLInputElement>("#desk [data-reason]");
  if (reason && !reason.value.trim()) reason.focus();
  else $<HTMLButtonElement>("#desk [data-act='return']")?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || inField(event)) return;
  if (localStorage.getItem("zy-letters") === "off") return;
  const act: Record<string, () => void> = {
    j: () => step(1),
    k: () => step(-1),
    v: () => $<HTMLButtonElement>("#desk [data-act='verify']:not([disabled])")?.click(),
    r: sendBack,
    d: () => $<HTMLAnchorElement>("#desk [data-original]")?.click(),
  };
  const wanted = act[event.key.toLowerCase()];
  if (!wanted) return;
  event.preventDefault();
  wanted();
});
