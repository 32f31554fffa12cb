// The key that a server may ask for, kept for this tab only. A page begins anew once there is one: its `start`.

/** Ask for a key: the first one, another one than `name`'s, or one in the place of what is no key. */
function askForKey(fault, name = "") {
  if (!find("key-dialog")) document.body.append(keyDialog());
  if (find("key-dialog").open) return;
  find("key-title").textContent = name ? `Key: ${name}` : "This server asks for a key";
  find("sign-out").hidden = !name;
  find("key-fault").textContent = fault;
  find("key-dialog").showModal();
}

function keyDialog() {
  const key = make("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const keep = () => {
    sessionStorage.setItem("key", key.value.trim());
    key.value = "";
    start();
  };
  const leave = () => find("key-dialog").close();
  const signOut = () => {
    sessionStorage.removeItem("key");
    location.reload(); // nothing that was shown stays
  };
  return make("dialog", { id: "key-dialog", "aria-labelledby": "key-title" },
    make("form", { id: "key-form", method: "dialog", on: { submit: keep } },
      make("h2", { id: "key-title" }),
      make("label", { for: "key" }, "API key"), key,
      make("p", { class: "quiet" }, "It is kept in this tab until you close it."),
      make("p", { id: "key-fault", class: "fault", role: "alert" }),
      make("div", { class: "tools" }, make("button", { type: "submit" }, "Continue"),
        button("Cancel", leave), button("Sign out", signOut, { id: "sign-out" }))));
}

/** Whether the page waits for a key. */
function isAskedForKey() {
  return Boolean(find("key-dialog")?.open);
}
