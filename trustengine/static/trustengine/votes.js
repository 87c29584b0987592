/* Votes without leaving the page. Without this script the same forms work by themselves. */
"use strict";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-votes]");
  const button = event.submitter;
  if (!form || !button) return;
  event.preventDefault();
  const data = new FormData(form, button);
  const buttons = form.querySelectorAll("button");
  const problem = form.querySelector("[data-problem]");
  buttons.forEach((each) => { each.disabled = true; });
  problem.textContent = "";
  try {
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (answer.status === 401) { window.location.assign(told.sign_in); return; }
    if (!answer.ok) { problem.textContent = told.detail || "That did not work."; return; }
    form.querySelector("[data-helpful]").textContent = told.helpful_votes.toLocaleString("en");
    form.querySelector("[data-others]").textContent = told.unhelpful_votes ? `, ${told.unhelpful_votes.toLocaleString("en")} did not` : "";
    buttons.forEach((each) => {
      const pressed = each.dataset.vote === told.vote_type;
      each.setAttribute("aria-pressed", String(pressed));
      each.value = pressed ? "none" : each.dataset.vote;
    });
  } catch {
    problem.textContent = "That did not reach us. Please try again.";
  } finally {
    buttons.forEach((each) => { each.disabled = false; });
    button.focus();
  }
});
