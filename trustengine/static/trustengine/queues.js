/* django-rq's lists: the box in the head selects all, in place of a script that the console's pages do not allow. */
document.addEventListener("change", (event) => {
  if (event.target.id !== "action-toggle") return;
  for (const box of document.querySelectorAll("#result_list .action-select")) box.checked = event.target.checked;
});
