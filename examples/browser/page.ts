/**
 * A page that joins a network by a token, and calls what others offer.
 * @module
 */

/// <reference lib="dom" />
import { type PageLink, PageNode, WeftError } from "../../browser.ts";

const join = element("join", HTMLFormElement);
const call = element("call", HTMLFormElement);
const leave = element("leave", HTMLButtonElement);
const state = element("state", HTMLElement);
const answer = element("answer", HTMLElement);
const callButton = call.querySelector("button");

let node: PageNode | undefined;

join.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(join);
  state.textContent = "joining …";
  try {
    await node?.stop();
    node = await PageNode.join(String(fields.get("token")), { name: String(fields.get("name")) });
  } catch (error) {
    node = undefined;
    state.textContent = explain(error);
  }
  follow();
});

call.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(call);
  answer.textContent = "…";
  try {
    const params: unknown = JSON.parse(String(fields.get("params")) || "null");
    answer.textContent = JSON.stringify(await node?.request(String(fields.get("path")), params), null, 2);
  } catch (error) {
    answer.textContent = explain(error);
  }
});

leave.addEventListener("click", async () => {
  const former = node;
  node = undefined;
  state.textContent = "leaving …";
  await former?.stop();
  state.textContent = "not joined";
  follow();
});

setInterval(follow, 500);

function follow(): void {
  leave.disabled = node === undefined;
  if (callButton !== null) callButton.disabled = node === undefined;
  if (node === undefined) return;
  const links = node.links.map(describe);
  state.textContent = `joined as ${node.name}: ${links.length === 0 ? "no link yet" : links.join(", ")}`;
}

function describe({ name, at, way, rttMs }: PageLink): string {
  const time = rttMs === undefined ? "" : `, ${rttMs.toFixed(1)} ms`;
  return `${name} (${way} at ${at}${time})`;
}

function explain(error: unknown): string {
  if (error instanceof WeftError) return [error.message, error.hint].filter(Boolean).join("\n");
  return String(error);
}

function element<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`The page has no ${id}`);
}
