import { $, $$, inField } from "./dom";

/** The frame of every page: `/` goes to the search, 更多 on a phone opens the whole navigation, marked forms submit on change. */
export function startShell(): void {
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !inField(event)) {
      const search = $<HTMLInputElement>(".zy-top__search input");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    }
    if (event.key === "Escape") openNav(false);
  });

  document.addEventListener("click", (event) => {
    const target = event.target as HTMLElement;
    const more = target.closest<HTMLElement>("[data-act='nav']");
    if (more) openNav(!$(".zy-nav")?.hasAttribute("data-open"));
    else if (!target.closest(".zy-nav")) openNav(false);
  });

  document.addEventListener("change", (event) => {
    const field = event.target as HTMLInputElement;
    if (field.closest("[data-submit-on-change]")) field.form?.requestSubmit();
  });

  // An open list of choices (details.zy-menu) shuts when the attention goes elsewhere.
  document.addEventListener("pointerdown", (event) => {
    for (const menu of $$<HTMLDetailsElement>("details.zy-menu[open]")) if (!menu.contains(event.target as Node)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" ? $<HTMLDetailsElement>("details.zy-menu[open]") : null;
    if (menu) {
      menu.open = false;
      $("summary", menu)?.focus();
    }
  });
}

function openNav(wanted: boolean): void {
  const nav = $(".zy-nav");
  if (!nav || nav.hasAttribute("data-open") === wanted) return;
  nav.toggleAttribute("data-open", wanted);
  for (const button of $$("[data-act='nav']")) button.setAttribute("aria-expanded", String(wanted));
  if (wanted) $("a", nav)?.focus();
  else $("[data-act='nav']")?.focus();
}
