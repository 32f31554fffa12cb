// What the page asks of its server.

class ServerFault extends Error {
  constructor(message, status = null) {
    super(message);
    this.status = status;
  }
}

function headers() {
  const key = sessionStorage.getItem("key");
  const bearer = key ? { Authorization: `Bearer ${key}` } : {};
  return { "Content-Type": "application/json", ...bearer };
}

async function send(path, body, signal) {
  const options = { headers: headers(), signal, ...(body && { method: "POST", body: JSON.stringify(body) }) };
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerFault("The server cannot be reached.");
  }
  if (response.ok) return response;
  if (response.status === 401) {
    const fault = sessionStorage.getItem("key") ? "This key is not valid." : "";
    askForKey(fault);
    throw new ServerFault(fault || "This server asks for a key.", 401);
  }
  const said = (await response.json().catch(() => ({}))).error ?? `The server answered ${response.status}.`;
  const wait = response.headers.get("Retry-After");
  throw new ServerFault(wait ? `${said} Try again in ${wait} s.` : said, response.status);
}

async function fetchJson(path, body, signal) {
  return parsed(await (await send(path, body, signal)).text());
}

/** Call `onReply` with each state of an answer: when it is written, and when it has run. */
async function askServer(question, values, signal, onReply) {
  const response = await send("/ask", { question, stream: true, ...(values.length && { values }) }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text += value ?? "";
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) {
      const reply = parsed(line);
      if (reply.error) throw new ServerFault(reply.error);
      onReply(reply);
    }
    if (done) return;
  }
}
