"use strict";
// Sortable tables, blocks of rows to choose from, and details that open for printing.
(() => {
  document.documentElement.classList.add("scripted");

  function compare(a, b, sign) {
    // Cells without a number stay last, whichever way the table is sorted.
    if (a === "" || b === "") return (a === "") - (b === "");
    return typeof a === "number" ? sign * (a - b) : sign * a.localeCompare(b);
  }

  function key(row, position) {
    const cell = row.cells[position];
    if (!("value" in cell.dataset)) return cell.textContent.trim();
    return cell.dataset.value === "" ? "" : Number(cell.dataset.value);
  }

  function sort(table, header) {
    const first = header.dataset.first || "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const direction = header.getAttribute("aria-sort") === first ? second : first;
    for (const other of header.parentNode.cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const keyed = Array.from(table.tBodies[0].rows, (row) => [key(row, header.cellIndex), row]);
    keyed.sort((a, b) => compare(a[0], b[0], sign));
    table.tBodies[0].append(...keyed.map((pair) => pair[1]));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const header of table.tHead.rows[0].cells) {
      header.querySelector("button").addEventListener("click", () => sort(table, header));
    }
  }

  // Of a section's blocks of rows, the one chosen is shown.
  function chooseBlock(select, section) {
    if (!select) return;
    const show = () => {
      for (const body of document.querySelectorAll(`${section} tbody`)) {
        body.hidden = body.dataset.block !== select.value;
        body.querySelector(".block").hidden = true;
      }
    };
    select.addEventListener("change", show);
    show();
  }

  chooseBlock(document.getElementById("slice-metric"), "#slices");
  chooseBlock(document.getElementById("condition-system"), "#conditions");

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
