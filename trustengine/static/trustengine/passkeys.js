/* Passkeys: asks the browser for one, and sends its answer with the form. */
(() => {
  "use strict";

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const readable = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

  function tell(form, problem) {
    const place = form.querySelector("[data-problem]");
    place.textContent = problem;
    place.hidden = !problem;
  }

  async function create(options) {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: readable(options.excludeCredentials),
      },
    });
    return {
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      clientExtensionResults: {},
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
      },
    };
  }

  async function use(options) {
    const used = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: readable(options.allowCredentials),
      },
    });
    return {
      id: used.id,
      rawId: text(used.rawId),
      type: used.type,
      clientExtensionResults: {},
      response: {
        clientDataJSON: text(used.response.clientDataJSON),
        authenticatorData: text(used.response.authenticatorData),
        signature: text(used.response.signature),
        userHandle: used.response.userHandle ? text(used.response.userHandle) : undefined,
      },
    };
  }

  async function optionsFor(form) {
    if (form.dataset.options) return JSON.parse(form.dataset.options);
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const told = await answer.json().catch(() => ({ problem: "The server did not answer as expected. Reload this page and try again." }));
    if (told.problem) throw new Error(told.problem);
    return JSON.parse(told.options);
  }

  async function answer(event) {
    const form = event.currentTarget;
    if (form.elements.passkey.value) return; // the second submission, with the answer
    event.preventDefault();
    tell(form, "");
    if (!window.PublicKeyCredential) {
      tell(form, "This browser has no passkeys, or this page is not served over HTTPS.");
      return;
    }
    try {
      const options = await optionsFor(form);
      form.elements.passkey.value = JSON.stringify(form.dataset.passkey === "add" ? await create(options) : await use(options));
      form.submit();
    } catch (error) {
      const isCancelled = error instanceof DOMException;
      tell(form, isCancelled ? "No passkey was used. Please try again." : error.message || "Please try again.");
    }
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) form.addEventListener("submit", answer);
})();
