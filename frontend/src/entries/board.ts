import { $$ } from "../lib/dom";

/*
 * The board: a card dropped on a later column opens the claim of that column's milestone. Nothing moves by dragging;
 * the stage follows from what is verified. Also: an upload field sends its form as soon as a file is chosen.
 */
let dragged: HTMLElement | null = null;

document.addEventListener("dragstart", (event) => {
  dragged = (event.target as HTMLElement).closest<HTMLElement>(".zy-card[data-project]");
  dragged?.setAttribute("data-dragging", "");
});
document.addEventListener("dragend", () => {
  dragged?.removeAttribute("data-dragging");
  dragged = null;
  for (const column of $$("[data-over]")) column.removeAttribute("data-over");
});

const columnOf = (event: Event): HTMLElement | null => {
  const column = (event.target as HTMLElement).closest<HTMLElement>(".zy-board__col[data-stage]");
  return dragged && column && column.dataset.stage !== dragged.dataset.stage ? column : null;
};
document.addEventListener("dragover", (event) => {
  const column = columnOf(event);
  for (const other of $$("[data-over]")) if (other !== column) other.removeAttribute("data-over");
  if (!column) return;
  event.preventDefault();
  column.setAttribute("data-over", "");
});
document.addEventListener("drop", (event) => {
  const column = columnOf(event);
  if (!column || !dragged) return;
  event.preventDefault();
  location.assign(`/projects/${dragged.dataset.project}/claim/${column.dataset.stage}/?from=board`);
});

document.addEventListener("change", (event) => {
  const field = (event.target as HTMLElement).closest<HTMLInputElement>("input[data-submit]");
  if (field?.files?.length) field.form?.requestSubmit();
});
