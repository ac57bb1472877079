// Shows the fields that belong to the chosen scope. Without it all of them are shown, and the server checks either way.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const scope = document.getElementById("id_scope");
  if (!scope) return;
  const fields = JSON.parse(scope.dataset.fields);
  const show = () => {
    for (const name of ["service", "instance", "zone", "tag", "target"]) {
      const input = document.getElementById(`id_${name}`);
      const row = input && input.closest(".form-row");
      if (!row) continue;
      const wanted = fields[scope.value].includes(name);
      row.hidden = !wanted;
      if (!wanted) input.value = "";
    }
  };
  scope.addEventListener("change", show);
  show();
});
