// Keys for the pages; everything works without this file.
// "/" goes to the search field; arrow up and down move between the rows of a list with class "rows"; Enter opens one.
(function () {
  "use strict";
  var links = function () { return Array.prototype.slice.call(document.querySelectorAll("table.rows a.open")); };
  document.addEventListener("keydown", function (event) {
    var field = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !field) {
      var search = document.querySelector("input[type=search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
      return;
    }
    if (field || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) { return; }
    var all = links(), place = all.indexOf(document.activeElement);
    if (!all.length) { return; }
    event.preventDefault();
    place = event.key === "ArrowDown" ? Math.min(place + 1, all.length - 1) : Math.max(place - 1, 0);
    all[place].focus();
  });
})();
