// The key that a server may ask for, kept for this tab only. A page begins anew once there is one: its `start`.

function askForKey(fault) {
  if (!find("key-dialog")) document.body.append(keyDialog());
  find("key-fault").textContent = fault;
  if (!find("key-dialog").open) find("key-dialog").showModal();
}

function keyDialog() {
  const key = make("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const keep = () => {
    sessionStorage.setItem("key", key.value.trim());
    key.value = "";
    start();
  };
  return make("dialog", { id: "key-dialog", "aria-labelledby": "key-title" },
    make("form", { id: "key-form", method: "dialog", on: { submit: keep } },
      make("h2", { id: "key-title" }, "This server asks for a key"),
      make("label", { for: "key" }, "API key"), key,
      make("p", { class: "quiet" }, "It is kept in this tab until you close it."),
      make("p", { id: "key-fault", class: "fault", role: "alert" }),
      make("button", { type: "submit" }, "Continue")));
}

/** Whether the page waits for a key. */
function isAskedForKey() {
  return Boolean(find("key-dialog")?.open);
}
