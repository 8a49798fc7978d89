"use strict";
(() => {
  const root = document.documentElement;
  const status = document.getElementById("status");
  const collator = new Intl.Collator(undefined, { numeric: true });
  root.classList.add("js");

  // A row's sort value: a number when every value of the column is one, else text.
  const valuesOf = (rows, column) => {
    const raw = rows.map((row) => row.cells[column]?.dataset.sort ?? "");
    const numeric = raw.every((text) => text === "" || !Number.isNaN(Number(text)));
    return raw.map((text) => (text === "" ? null : numeric ? Number(text) : text));
  };

  // Sort every block of rows by itself; what is missing stands last in both directions.
  const sort = (table, column, sign) => {
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("ec-section"));
      const values = valuesOf(rows, column);
      const order = rows.map((_, i) => i).sort((i, j) => {
        const [a, b] = [values[i], values[j]];
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * (typeof a === "number" ? a - b : collator.compare(a, b));
      });
      body.append(...order.map((i) => rows[i]));
    }
  };

  const makeSortable = (table) => {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      const name = button.textContent.trim();
      button.title = "Sort by " + name;
      button.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", direction);
        sort(table, column, direction === "ascending" ? 1 : -1);
        status.textContent = "Sorted by " + name + ", " + direction;
      });
    });
  };

  const makeFilter = (input) => {
    const table = document.getElementById(input.getAttribute("aria-controls"));
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const named = rows.filter((row) => !row.classList.contains("ec-section"));
    const count = document.getElementById(input.id + "-count");
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      let shown = 0;
      for (const row of named) {
        const fits = row.cells[0].textContent.trim().toLowerCase().includes(wanted);
        row.classList.toggle("off", !fits);
        shown += fits ? 1 : 0;
      }
      count.textContent = shown + " of " + named.length + " rows shown";
    });
  };

  document.querySelectorAll("table.ec-sortable").forEach(makeSortable);
  document.querySelectorAll(".filter input").forEach(makeFilter);
})();
