/*
 * A session may end while somebody writes. What was typed then waits in this tab's storage until the same person is
 * back on the same page; and every form sends the CSRF token that the cookie holds now, which changes at each sign-in.
 * The fragment of this script's address says whose page it is.
 */
(() => {
  "use strict";

  const TYPED = "te-typed", OTHERS = ["hidden", "password", "file", "submit", "button", "image", "reset"];
  const owner = new URL(document.currentScript.src).hash.slice(1);

  const storage = {
    read(name) {
      try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; }
    },
    write(name, value) {
      try { sessionStorage.setItem(name, JSON.stringify(value)); } catch { /* full, or forbidden: nothing is kept */ }
    },
    drop(name) {
      try { sessionStorage.removeItem(name); } catch { /* as above */ }
    },
    names() {
      try { return Object.keys(sessionStorage); } catch { return []; }
    },
  };

  function token() {
    const found = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]*)/);
    return found ? decodeURIComponent(found[1]) : "";
  }

  window.teSession = { owner, storage, token };

  function typedIn(form) {
    const fields = [...form.elements].filter((field) => field.name && !OTHERS.includes(field.type) && field.tagName !== "FIELDSET");
    return fields.map((field) => [field.name, field.value, Boolean(field.checked), ["radio", "checkbox"].includes(field.type)]);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target, now = token();
    if (now) for (const field of form.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = now;
    if (!owner || (form.getAttribute("method") || "").toLowerCase() !== "post" || form.hasAttribute("hx-post")) return;
    const fields = typedIn(form);
    if (!fields.some(([, value]) => value)) return;
    const page = location.pathname + location.search;
    storage.write(TYPED, { owner, page, action: form.getAttribute("action") || "", fields, isLeft: false });
  }, true);

  document.addEventListener("DOMContentLoaded", () => {
    const kept = storage.read(TYPED);
    if (!kept) return;
    if (document.getElementById("login-form")) { // it did not arrive: the session was over
      storage.write(TYPED, { ...kept, isLeft: true });
      return;
    }
    if (!kept.isLeft || kept.owner !== owner) {
      storage.drop(TYPED);
      return;
    }
    if (kept.page !== location.pathname + location.search) return;
    const form = [...document.forms].find((each) => (each.getAttribute("action") || "") === kept.action
      && (each.getAttribute("method") || "").toLowerCase() === "post");
    storage.drop(TYPED);
    if (!form) return;
    for (const [name, value, checked, isTick] of kept.fields) {
      const field = [...form.elements].find((each) => each.name === name && (!isTick || each.value === value));
      if (!field || OTHERS.includes(field.type)) continue;
      if (isTick) field.checked = checked;
      else field.value = value;
    }
    const note = document.createElement("p");
    note.className = "te-banner te-calm";
    note.setAttribute("role", "status");
    note.textContent = "You were signed out before this was sent. It is filled in again: check it, and send it.";
    form.prepend(note);
  });
})();
