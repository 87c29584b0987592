/*
 * The moderators' page: keys, the heartbeat of a claim, toasts with undo, drafts that survive
 * the end of a session, live numbers.
 * Every step is a form or a link that works without this; htmx sends them, this adds speed.
 */
(() => {
  "use strict";

  const desk = document.getElementById("te-desk");
  if (!desk) return;
  desk.classList.add("te-js");

  const COUNTS_EVERY = 10_000, COUNTS_AT_MOST = 120_000, IDLE_AFTER = 5 * 60_000, TOASTS = 4;
  const stage = document.getElementById("te-case");
  const list = document.getElementById("te-list");
  const keysDialog = document.getElementById("te-keys");
  const batchDialog = document.getElementById("te-batch");
  const toasts = document.getElementById("te-toasts");
  const { owner, storage, token } = window.teSession;
  const drafts = {
    name: (id) => `te-draft:${owner}:${id}`,
    get: (id) => storage.read(drafts.name(id)),
    set: (id, kept) => storage.write(drafts.name(id), kept),
    delete: (id) => storage.drop(drafts.name(id)),
  };
  for (const name of storage.names()) { // of whoever worked in this tab before
    if (name.startsWith("te-draft:") && !name.startsWith(drafts.name(""))) storage.drop(name);
  }
  let armed = null, letThrough = false, canned = "", lastActivity = Date.now();

  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const grid = () => one(".te-case-grid", stage);

  function filters() {
    const query = new URLSearchParams(location.search);
    query.delete("case");
    return query.toString();
  }

  function element(name, words = "", classes = "") {
    const made = document.createElement(name);
    made.textContent = words;
    made.className = classes;
    return made;
  }

  /* Sending */

  function send(address, values = {}, target = "#te-case") {
    return window.htmx.ajax("POST", address, { target, swap: "innerHTML", values });
  }

  async function post(address, fields) {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", token());
    for (const [name, value] of fields) body.append(name, value);
    const answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return answer.json();
  }

  document.body.addEventListener("htmx:configRequest", (event) => {
    const { parameters, verb, headers } = event.detail;
    if (verb !== "post") return;
    headers["X-CSRFToken"] = parameters.csrfmiddlewaretoken = token();
    parameters.filters = filters();
    const held = grid()?.dataset.claimed ? grid().dataset.case : "";
    if (held) parameters.leaving = held;
  });

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.responseURL.includes("/login/")) {
      event.detail.shouldSwap = false;
      told({ words: "You have been signed out. Sign in in another tab, then try again: what you typed is still here." });
    }
  });

  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.body.addEventListener(failure, (event) => {
      const status = event.detail.xhr?.status;
      const words = status === 403 ? "You may not do this." : status === 404 ? "This is not there any more."
        : status === 503 ? "The service cannot take this right now. Please try again." : "That did not arrive. Please try again.";
      told({ words });
    });
  }

  /* A case comes on stage */

  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.target === stage) staged();
    else if (event.target.id === "te-refusal") one("[data-heading]", event.target)?.focus();
    else if (event.target.matches?.("[data-batch-body]")) batchShown();
    else if (list.contains(event.target)) listed();
  });

  function staged({ focus = true } = {}) {
    const shown = grid();
    const query = new URLSearchParams(filters());
    if (shown) query.set("case", shown.dataset.case);
    history.replaceState(history.state, "", query.size ? `?${query}` : location.pathname);
    armed = null;
    canned = "";
    restoreDraft();
    markRow();
    showList(false);
    beatSoon();
    if (!focus) return;
    one("[data-heading]", stage)?.focus({ preventScroll: true });
    if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView();
  }

  function markRow() {
    for (const row of all(".te-case-row", list)) {
      const here = row.dataset.case === grid()?.dataset.case;
      const link = one("a", row);
      if (here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  /* What was typed is never lost */

  function keepDraft(event) {
    const form = event.target.closest("[data-draft]");
    if (!form) return;
    const kept = { fields: {} };
    for (const field of all("textarea", form)) kept.fields[field.name] = field.value;
    kept.reason = one("[name=reason]:checked", form)?.value || "";
    drafts.set(form.dataset.draft, kept);
  }
  stage.addEventListener("input", keepDraft);
  stage.addEventListener("change", keepDraft);

  function restoreDraft() {
    for (const form of all("[data-draft]", stage)) {
      const kept = drafts.get(form.dataset.draft);
      if (!kept) continue;
      for (const [name, value] of Object.entries(kept.fields)) {
        const field = one(`textarea[name="${name}"]`, form);
        if (field) field.value = value;
      }
      const reason = all("[name=reason]", form).find((radio) => radio.value === kept.reason);
      if (reason) reason.checked = true;
      if (Object.values(kept.fields).some(Boolean)) openReasons(form);
    }
  }

  function openReasons(root) {
    one("[name=reason]", root)?.closest("[data-why]").classList.add("te-open");
  }

  /* Deciding: what restricts somebody and second approvals are armed first, and carried out by another key */

  function arm(button) {
    disarm();
    armed = button;
    const form = button.form, why = one("[data-why]", form);
    button.setAttribute("aria-pressed", "true");
    why.classList.add("te-open");
    one("[data-armed-words]", why).textContent = `${button.dataset.label}: ${button.title}`;
    const confirm = one("[data-confirm]", why);
    confirm.firstChild.textContent = `${button.dataset.label} `;
    confirm.hidden = one("[data-disarm]", why).hidden = false;
    const chosen = one("[name=reason]:checked", why);
    if (chosen) expand(chosen);
    (chosen || one("[name=reason]", why) || confirm).focus();
  }

  function disarm() {
    if (!armed) return;
    armed.setAttribute("aria-pressed", "false");
    const why = one("[data-why]", armed.form);
    why.classList.remove("te-open");
    one("[data-confirm]", why).hidden = one("[data-disarm]", why).hidden = true;
    armed = null;
  }

  function carryOut() {
    if (!armed?.isConnected) return;
    const why = one("[data-why]", armed.form);
    if (armed.matches("[data-needs-reason]") && !one("[name=reason]:checked", why)) {
      one("[data-armed-words]", why).textContent = `${armed.dataset.label}: please choose a reason first.`;
      one("[name=reason]", why)?.focus();
      return;
    }
    letThrough = true;
    armed.click();
    letThrough = false;
  }

  function expand(radio) {
    const facts = one("textarea[name=facts]", radio.form);
    if (facts.value.trim() && facts.value !== canned) return;
    facts.value = canned = radio.dataset.policy;
  }

  stage.addEventListener("click", (event) => {
    const button = event.target.closest("[data-needs-reason], [data-arms]");
    if (button && !letThrough) { // the same key or click again only arms again: carrying out is another step
      event.preventDefault();
      event.stopPropagation();
      arm(button);
    }
    if (event.target.closest("[data-confirm]")) carryOut();
    if (event.target.closest("[data-disarm]")) putAside();
  }, true);

  stage.addEventListener("change", (event) => {
    if (event.target.matches("[name=reason]")) expand(event.target);
  });

  stage.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-undo-form]");
    if (!form) return;
    event.preventDefault();
    undo([one("[name=decision]", form).value]);
  });

  function putAside() {
    const button = armed;
    disarm();
    button?.focus();
  }

  document.body.addEventListener("moderation:decided", (event) => {
    for (const id of event.detail.cases) {
      drafts.delete(id);
      one(`.te-case-row[data-case="${id}"]`, list)?.remove();
    }
    batchBar();
    count();
  });

  /* Toasts, and undo */

  document.body.addEventListener("moderation:told", (event) => told(event.detail));

  function told({ words, decisions = [], seconds = 0 }) {
    const toast = element("div", "", "te-toast");
    toast.append(element("span", words));
    if (decisions.length) {
      toast.decisions = decisions;
      const button = element("button", "Undo ", "te-button te-small-button");
      button.type = "button";
      button.append(element("kbd", "u"));
      button.addEventListener("click", () => undo(decisions, toast));
      toast.append(button);
    }
    const close = element("button", "×", "te-toast-close");
    close.type = "button";
    close.setAttribute("aria-label", "Close this message");
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    toasts.append(toast);
    setTimeout(() => toast.remove(), (decisions.length ? seconds : 10) * 1_000);
    while (toasts.children.length > TOASTS) toasts.firstChild.remove();
  }

  async function undo(decisions, toast) {
    toast?.remove();
    try {
      const answer = await post(desk.dataset.undo, decisions.map((id) => ["decision", id]));
      told({ words: answer.words });
      if (answer.undone) setTimeout(() => { count(); refresh(); }, 600); // a job puts its case back
      if (one("[data-undo-form]", stage) && grid()?.dataset.open) send(grid().dataset.open);
    } catch {
      told({ words: "The undo did not arrive. Please try again.", decisions, seconds: 60 });
    }
  }

  function undoLast() {
    const last = all(".te-toast", toasts).reverse().find((toast) => toast.decisions);
    if (last) undo(last.decisions, last);
    else told({ words: "There is nothing left to undo here. Decisions that still can be are listed under “History”." });
  }

  /* The claim: renewed while somebody is at work, given back on leaving */

  const beatEvery = Math.min(60_000, Math.max(15_000, Number(desk.dataset.claimSeconds) * 250));
  let beating = 0;

  function beatSoon() {
    clearTimeout(beating);
    beating = setTimeout(beat, beatEvery);
  }

  async function beat() {
    const shown = grid();
    beatSoon();
    if (!shown?.dataset.claimed || document.hidden || Date.now() - lastActivity > IDLE_AFTER) return;
    try {
      const answer = await post(shown.dataset.claimed, []);
      if (shown !== grid()) return;
      if (!answer.held) {
        delete shown.dataset.claimed;
        stale(answer.words);
      } else if (String(answer.version) !== shown.dataset.version) {
        stale("This case has changed since you opened it.");
      } else one("[data-until]", shown).textContent = answer.until;
    } catch { /* the next one tries again */ }
  }

  function stale(words) {
    const place = document.getElementById("te-refusal");
    if (!place || place.childElementCount) return;
    const banner = element("div", "", "te-banner te-refused");
    banner.setAttribute("role", "alert");
    banner.append(element("p", words));
    const button = element("button", "Show it as it is now", "te-button");
    button.type = "button";
    button.addEventListener("click", () => send(grid().dataset.open));
    banner.append(button, element("p", "What you have typed stays.", "te-note"));
    place.append(banner);
  }

  for (const sign of ["keydown", "pointerdown", "scroll"]) {
    addEventListener(sign, () => { lastActivity = Date.now(); }, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    beat();
    count();
  });
  addEventListener("pagehide", () => {
    const address = grid()?.dataset.claimed && grid().dataset.release;
    if (!address) return;
    const body = new FormData();
    body.append("csrfmiddlewaretoken", token());
    navigator.sendBeacon(address, body);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  /* The list */

  list.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    send(link.dataset.open);
  });

  function rows() { return all(".te-case-row", list); }

  function move(step) {
    showList(true);
    const present = rows();
    const focused = present.findIndex((row) => row.contains(document.activeElement));
    const current = focused >= 0 ? focused : present.findIndex((row) => row.dataset.case === grid()?.dataset.case);
    const next = Math.min(Math.max(current + step, 0), present.length - 1);
    one("a", present[next] || list)?.focus();
    if (next >= present.length - 2) one(".te-more a", list)?.click();
  }

  const selected = () => all("[name=selected]:checked", list).map((box) => box.value);
  let kept = [];

  function select() {
    const row = document.activeElement.closest?.(".te-case-row") || one(`.te-case-row[data-case="${grid()?.dataset.case}"]`, list);
    const box = row && one("[name=selected]", row);
    if (!box || box.disabled) return;
    box.checked = !box.checked;
    batchBar();
  }

  function batchBar() {
    const number = selected().length, bar = one("[data-batch-bar]", list);
    if (!bar) return;
    bar.hidden = !number;
    one("[data-selected]", bar).textContent = number;
  }
  list.addEventListener("change", (event) => { if (event.target.name === "selected") batchBar(); });

  function refresh() {
    if (list.contains(document.activeElement) && document.activeElement !== document.body) return;
    kept = selected();
    window.htmx.ajax("GET", `${desk.dataset.list}?${filters()}`, { target: "#te-rows", swap: "innerHTML" });
  }

  function listed() {
    for (const box of all("[name=selected]", list)) if (kept.includes(box.value)) box.checked = true;
    kept = [];
    if (grid()) {
      const query = new URLSearchParams(filters());
      query.set("case", grid().dataset.case);
      history.replaceState(history.state, "", `?${query}`);
    }
    const queue = new URLSearchParams(location.search).get("queue") || "";
    for (const input of all("[data-filters]")) input.value = filters();
    for (const link of all("[data-queue]")) {
      const query = new URLSearchParams(filters());
      query.delete("queue");
      if (link.dataset.queue) query.set("queue", link.dataset.queue);
      link.setAttribute("href", `?${query}`);
      if (link.dataset.queue === queue) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    markRow();
    batchBar();
  }

  desk.addEventListener("click", (event) => {
    const link = event.target.closest("[data-queue]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    one("#te-filter-form [name=queue]").value = link.dataset.queue;
    window.htmx.trigger("#te-filter-form", "submit");
    showList(true);
  });

  const listButton = one("[data-toggle-list]");
  function showList(open) {
    list.classList.toggle("te-open", open);
    listButton.setAttribute("aria-expanded", String(open));
  }
  listButton.addEventListener("click", () => showList(!list.classList.contains("te-open")));

  /* Batches */

  function preview() {
    const cases = selected();
    if (!cases.length) {
      told({ words: "Select some cases first: x in the list." });
      return;
    }
    send(desk.dataset.batch, { selected: cases }, "[data-batch-body]");
  }
  list.addEventListener("submit", (event) => {
    if (event.target.id !== "te-batch-form") return;
    event.preventDefault();
    preview();
  });
  function batchShown() {
    if (!batchDialog.open) batchDialog.showModal();
    one("[data-heading]", batchDialog)?.focus();
  }
  batchDialog.addEventListener("click", (event) => { if (event.target.closest("[data-close]")) batchDialog.close(); });

  /* Live numbers: slower when nothing answers, not at all where nobody looks */

  let tag = "", wait = COUNTS_EVERY, counting = 0;

  async function count() {
    clearTimeout(counting);
    counting = setTimeout(count, wait);
    if (document.hidden) return;
    try {
      const answer = await fetch(desk.dataset.counts, { headers: tag ? { "If-None-Match": tag } : {} });
      if (answer.status !== 304 && (!answer.ok || answer.redirected)) throw new Error(String(answer.status));
      wait = COUNTS_EVERY;
      if (answer.status === 304) return;
      const known = tag;
      tag = answer.headers.get("ETag") || "";
      for (const [name, number] of Object.entries(await answer.json())) {
        for (const place of all(`[data-count="${name}"]`)) place.textContent = number.toLocaleString("en");
      }
      if (known) refresh();
    } catch {
      wait = Math.min(wait * 2, COUNTS_AT_MOST);
    }
  }

  /* Keys: one place that decides, and none of them while somebody types */

  function types(target) {
    if (!(target instanceof Element)) return false;
    if (target.closest("textarea, select, [contenteditable]:not([contenteditable=false])")) return true;
    const input = target.closest("input");
    return Boolean(input) && !["checkbox", "radio", "button", "submit"].includes(input.type);
  }

  function choose(number) {
    const radio = all("[data-why].te-open [name=reason]", stage)[number - 1];
    if (!radio) return;
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    radio.focus();
  }

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    n: () => send(desk.dataset.next),
    s: () => one("[data-skip]", stage)?.click(),
    u: undoLast,
    x: select,
    b: preview,
    f: () => {
      openReasons(stage);
      one("#te-act textarea", stage)?.focus();
    },
    i: () => {
      const photos = all(".te-photo", stage);
      const open = photos.some((photo) => !photo.open);
      for (const photo of photos) photo.open = open;
    },
    "/": () => { showList(true); document.getElementById("te-search").focus(); },
    "?": () => keysDialog.showModal(),
    Escape: () => (armed ? putAside() : showList(false)),
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const typing = types(event.target);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && typing && armed) {
      event.preventDefault();
      carryOut();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing) {
      if (event.key === "Escape" && desk.contains(event.target) && !event.target.closest("dialog")) event.target.blur();
      return;
    }
    if (one("dialog[open]")) {
      if (event.key === "?" && keysDialog.open) keysDialog.close();
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.repeat && key !== "j" && key !== "k") return;
    if (key === "Enter") {
      if (!armed || event.target.closest?.("a, button, summary")) return;
      event.preventDefault();
      carryOut();
    } else if (/^[1-9]$/.test(key)) {
      choose(Number(key));
    } else {
      const button = one(`#te-act [data-key="${CSS.escape(key)}"]`, stage);
      const step = keys[key] || (button && (() => button.click()));
      if (!step) return;
      event.preventDefault();
      step();
    }
  });

  one("[data-keys]").addEventListener("click", () => keysDialog.showModal());

  /* Here we are */

  if (grid()) {
    staged({ focus: false });
    if (grid().dataset.open && !grid().dataset.claimed) send(grid().dataset.open);
  }
  counting = setTimeout(count, 1_000);
})();
