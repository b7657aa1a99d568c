import { $, $$, announce, inField, make, reveal, say } from "./dom";

/*
 * The review: source on the left, facts on the right. The server writes
 *   <article class="zy-source" id="source"> … <mark class="zy-span" data-fact="ID [ID …]" data-kind tabindex="0">
 *   <div id="facts"> <article class="zy-fact" id="fact-ID" data-fact="ID" data-kind data-state="open|accepted|corrected|rejected" tabindex="0">
 * with buttons data-act=accept|correct|reject (in a fact; also cancel in a correction) and accept-kind|undo|help (on the page).
 * The island only points and presses: every write is the server's htmx button. frontend/README.md has the whole contract.
 */
const LETTERS = "zy-letters"; // in localStorage: "off" silences the letter keys

const facts = (): HTMLElement[] => $$(".zy-fact[data-fact]", $("#facts") ?? document);
const shown = (): HTMLElement[] => facts().filter((fact) => !fact.hidden && fact.offsetParent !== null);
const factOf = (id: string): HTMLElement | null => document.getElementById(`fact-${id}`);
const spansOf = (id: string): HTMLElement[] => $$(`#source .zy-span[data-fact~="${CSS.escape(id)}"]`);
const isOpen = (fact: HTMLElement): boolean => fact.dataset.state === "open" && !busy.has(fact.dataset.fact!);
const title = (fact: HTMLElement): string => ($(".zy-fact__t", fact)?.textContent ?? "").trim();

let current = "";
let filter = "";
let returning = false; // an undo is on its way
const busy = new Set<string>(); // pressed, and the answer is not here yet
let before = new Map<string, string>(); // state of each fact as last seen
const elsewhere = new Map<Element, number>(); // a long material has more pages: what the counters count beyond this one

function setCurrent(id: string, { focus = false, scroll = true } = {}): void {
  const fact = factOf(id);
  if (!fact) return;
  if (current !== id) {
    for (const element of $$("#facts [aria-current], #source [aria-current]")) element.removeAttribute("aria-current");
    current = id;
  }
  fact.setAttribute("aria-current", "true");
  const spans = spansOf(id);
  for (const span of spans) span.setAttribute("aria-current", "true");
  if (scroll) {
    reveal(fact);
    if (spans[0]) reveal(spans[0]);
  }
  if (focus) fact.focus({ preventScroll: true });
  for (const button of $$("[data-act='accept-kind']")) {
    button.setAttribute("hx-vals", JSON.stringify({ kind: fact.dataset.kind ?? "" }));
    button.dataset.kind = fact.dataset.kind ?? "";
  }
}

function light(id: string | undefined, on: boolean): void {
  for (const one of (id ?? "").split(" ").filter(Boolean))
    for (const element of [factOf(one), ...spansOf(one)]) element?.toggleAttribute("data-lit", on);
}

function step(by: 1 | -1): void {
  const list = shown();
  if (!list.length) return;
  const at = list.findIndex((fact) => fact.dataset.fact === current);
  const next = list[Math.min(list.length - 1, Math.max(0, at + by))];
  if (next) setCurrent(next.dataset.fact!, { focus: true });
}

function toNextOpen(tell = true): void {
  const list = shown();
  const at = list.findIndex((fact) => fact.dataset.fact === current);
  const next = list.slice(at + 1).find(isOpen) ?? list.find(isOpen);
  if (next) setCurrent(next.dataset.fact!, { focus: true });
  else if (tell) announce(say("都审完了。", "Nothing is left to review here."));
}

function press(act: "accept" | "correct" | "reject"): void {
  const fact = factOf(current);
  if (!fact || busy.has(current)) return;
  $<HTMLButtonElement>(`[data-act='${act}']:not(:disabled)`, fact)?.click();
}

/** Write a counter: what this page holds, and what the server counted beyond it when the page came. */
function count(element: HTMLElement | null, here: number): void {
  if (!element) return;
  if (!elsewhere.has(element)) elsewhere.set(element, Math.max(0, Number(element.textContent || here) - here));
  element.textContent = String(elsewhere.get(element)! + here);
}

/** Bring marks, counts and the filter in line with the facts as they are now in the page. */
function sync(): void {
  const all = facts();
  const state = new Map(all.map((fact) => [fact.dataset.fact!, fact.dataset.state ?? "open"]));
  for (const fact of all) {
    fact.toggleAttribute("data-done", fact.dataset.state !== "open");
    fact.hidden = filter !== "" && fact.dataset.kind !== filter;
  }
  for (const span of $$("#source .zy-span[data-fact]")) {
    const ids = span.dataset.fact!.split(" ");
    span.toggleAttribute("data-done", ids.every((id) => state.has(id) && state.get(id) !== "open"));
  }
  const done = [...state.values()].filter((one) => one !== "open").length;
  count($("[data-review='done']"), done);
  count($("[data-review='total']"), all.length);
  const bar = $("[data-review='bar']");
  const fill = bar?.firstElementChild as HTMLElement | null;
  if (bar && fill) {
    const total = Number($("[data-review='total']")?.textContent ?? all.length);
    const reviewed = Number($("[data-review='done']")?.textContent ?? done);
    bar.setAttribute("aria-valuenow", String(reviewed));
    bar.setAttribute("aria-valuemax", String(total));
    fill.style.width = `${total ? (100 * reviewed) / total : 0}%`;
  }
  for (const chip of $$("[data-filter]")) {
    chip.setAttribute("aria-pressed", String((chip.dataset.filter ?? "") === filter));
    count($("[data-left]", chip), all.filter((f) => f.dataset.state === "open" && (!chip.dataset.filter || f.dataset.kind === chip.dataset.filter)).length);
  }
  const changed = all.filter((fact) => before.has(fact.dataset.fact!) && before.get(fact.dataset.fact!) !== fact.dataset.state);
  before = state;

  const reopened = returning ? changed.find((fact) => fact.dataset.state === "open") : undefined;
  if (reopened) {
    returning = false;
    setCurrent(reopened.dataset.fact!, { focus: true });
    announce(say(`已撤销：${title(reopened)}`, `Undone: ${title(reopened)}`));
  } else if (changed.length) {
    const words: Record<string, string> = { accepted: say("已采纳", "Accepted"), corrected: say("已更正", "Corrected"), rejected: say("已驳回", "Returned"), open: say("待审", "To review") };
    const left = all.length - done;
    const what = changed.length === 1 ? title(changed[0]!) : say(`${changed.length} 条`, `${changed.length} facts`);
    announce(`${words[changed[0]!.dataset.state ?? "open"] ?? ""} ${what}${say(`，还有 ${left} 条待审`, `, ${left} left`)}`);
  }
  if (!reopened && changed.some((fact) => fact.dataset.fact === current && fact.dataset.state !== "open")) toNextOpen(false);
  const fact = factOf(current);
  if (fact) {
    const form = $("form", fact);
    const focusLost = document.activeElement === document.body || document.activeElement === null;
    setCurrent(current, { focus: focusLost && !form, scroll: false });
    if (form && !form.contains(document.activeElement)) $("input:not([type=hidden]), select, textarea", form)?.focus();
  }
}

const letters = (): boolean => localStorage.getItem(LETTERS) !== "off";

function keysDialog(): HTMLDialogElement {
  const existing = $<HTMLDialogElement>("#keys");
  if (existing) return existing;
  const rows: [string, string][] = [
    ["J", say("下一条", "Next")], ["K", say("上一条", "Previous")], ["A", say("采纳", "Accept")], ["E", say("更正", "Correct")],
    ["R", say("驳回", "Return")], ["⇧A", say("采纳同类", "Accept all of this kind")], ["U", say("撤销", "Undo")], ["Esc", say("放下更正", "Leave a correction")], ["?", say("全部按键", "All keys")],
  ];
  const list = make("dl", { class: "zy-dl" });
  for (const [key, what] of rows) list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, what));
  const toggle = make("input", { type: "checkbox", id: "keys-letters", class: "form-check-input" }) as HTMLInputElement;
  toggle.checked = letters();
  toggle.addEventListener("change", () => localStorage.setItem(LETTERS, toggle.checked ? "on" : "off"));
  const shut = make("button", { class: "btn", type: "button" }, say("关上", "Close"));
  const dialog = make(
    "dialog", { id: "keys", class: "zy-dialog", "aria-labelledby": "keys-title" },
    make("h2", { id: "keys-title" }, say("按键", "Keys")), list,
    make("label", { for: "keys-letters", class: "zy-check" }, toggle, say("用字母键（关掉后只用按钮）", "Use letter keys (off: buttons only)")), shut,
  ) as HTMLDialogElement;
  shut.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  return dialog;
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const fact = factOf(current);
  if (event.key === "Escape" && fact && $("form", fact)) {
    $("[data-act='cancel']", fact)?.click();
    return;
  }
  if (inField(event)) return;
  const span = (event.target as HTMLElement).closest<HTMLElement>(".zy-span[data-fact]");
  if (span && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    setCurrent(span.dataset.fact!.split(" ")[0]!, { focus: true });
    return;
  }
  if (!letters()) return;
  const onPage = (act: string) => (): void => $(`[data-act='${act}']:not(:disabled)`)?.click();
  const keys: Record<string, () => void> = {
    j: () => step(1), k: () => step(-1), a: () => press("accept"), e: () => press("correct"), r: () => press("reject"),
    A: onPage("accept-kind"), u: onPage("undo"), "?": () => keysDialog().showModal(),
  };
  // With caps lock on, "A" without Shift still means one fact.
  const key = /^[a-z]$/i.test(event.key) ? (event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase()) : event.key;
  const act = keys[key];
  if (act) {
    event.preventDefault();
    act();
  }
}

export function startReview(): void {
  if (!$("#facts")) return;
  before = new Map(facts().map((fact) => [fact.dataset.fact!, fact.dataset.state ?? "open"]));

  document.addEventListener("keydown", onKey);
  for (const name of ["pointerover", "pointerout", "focusin", "focusout"])
    document.addEventListener(name, (event) => {
      const element = (event.target as HTMLElement).closest?.<HTMLElement>("#source .zy-span[data-fact], #facts .zy-fact[data-fact]");
      if (element) light(element.dataset.fact, name === "pointerover" || name === "focusin");
    });
  document.addEventListener("focusin", (event) => {
    const element = (event.target as HTMLElement).closest?.<HTMLElement>("#source .zy-span[data-fact], #facts .zy-fact[data-fact]");
    const ids = element?.dataset.fact?.split(" ") ?? [];
    if (ids.length && !ids.includes(current)) setCurrent(ids[0]!);
  });
  document.addEventListener("click", (event) => {
    const target = event.target as HTMLElement;
    const span = target.closest<HTMLElement>("#source .zy-span[data-fact]");
    if (span) {
      const ids = span.dataset.fact!.split(" ");
      // A second click on a place that proves several facts goes on to the next of them.
      setCurrent(ids[(ids.indexOf(current) + 1) % ids.length]!, { focus: true });
      return;
    }
    const fact = target.closest<HTMLElement>("#facts .zy-fact[data-fact]");
    if (fact && fact.dataset.fact !== current) setCurrent(fact.dataset.fact!, { scroll: false });
    const chip = target.closest<HTMLElement>("[data-filter]");
    if (chip) {
      filter = chip.dataset.filter === filter ? "" : (chip.dataset.filter ?? "");
      sync();
      if (factOf(current)?.hidden) toNextOpen();
    }
    const act = target.closest<HTMLElement>("[data-act]")?.dataset.act;
    if (act === "help") keysDialog().showModal();
    if (act === "undo") returning = true;
  }, true); // before htmx sends: what was pressed is current first, then the next one

  // Somebody who knows the keys is faster than the server: go on at once, come back if it refuses.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const button = (event.target as HTMLElement).closest<HTMLElement>(".zy-fact [data-act='accept'], .zy-fact [data-act='reject']");
    const id = button?.closest<HTMLElement>(".zy-fact")?.dataset.fact;
    if (!id || event.defaultPrevented) return;
    busy.add(id);
    if (id === current) toNextOpen();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { requestConfig, successful } = (event as CustomEvent<{ requestConfig: { elt: HTMLElement }; successful: boolean }>).detail;
    const id = requestConfig.elt.closest<HTMLElement>(".zy-fact[data-fact]")?.dataset.fact;
    if (!id || !busy.delete(id) || successful) return;
    const fact = factOf(id); // as it is now: a refusal may have brought a fresh one
    if (!fact) return;
    if (fact.dataset.state === "open") {
      setCurrent(id, { focus: true });
      announce(say(`没有保存：${title(fact)}`, `Not saved: ${title(fact)}`));
    } else announce(say(`别人已经审过：${title(fact)}`, `Somebody has reviewed it already: ${title(fact)}`));
  });
  document.addEventListener("htmx:afterSettle", sync);
  // A POST from a toast's 撤销 changes facts elsewhere: the server answers with HX-Trigger "facts-changed" and the page reloads them.
  document.addEventListener("facts-changed", () => {
    returning = true;
  });

  sync();
  const asked = location.hash.match(/^#fact-(.+)$/)?.[1];
  const marked = $("#facts .zy-fact[aria-current]")?.dataset.fact;
  const first = (asked && factOf(asked) ? asked : undefined) ?? marked ?? shown().find(isOpen)?.dataset.fact ?? shown()[0]?.dataset.fact;
  // A page begins at its top: only somebody who asked for a fact is taken to it.
  if (first) setCurrent(first, { focus: true, scroll: first === asked });

  // "Open the source" leads here with the place it means.
  const at = Number(new URLSearchParams(location.search).get("at") ?? NaN);
  const place = Number.isNaN(at) ? undefined : $$("#source .zy-span[data-start]").filter((span) => Number(span.dataset.start) <= at).pop();
  if (place) {
    setCurrent(place.dataset.fact!.split(" ")[0]!, { scroll: false });
    reveal(place);
    place.focus({ preventScroll: true });
  }
}
