import assert from "node:assert/strict";
import { bundleModule, bundlePage } from "../../../scripts/build_page.ts";
import { SampleControl } from "../../agent/testing/sample_control.ts";
import { statusApp } from "../apps.ts";
import { PAGE_HTML } from "./page.ts";

/** What the page may grow to, in characters: a browser on a slow line reads it before it shows anything. */
const MAX_PAGE_LENGTH = 140_000;

Deno.test("GET / lets exactly its own style and script run", async () => {
  const answer = await statusApp({ control: new SampleControl() }).request("/");
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/html/);
  const html = await answer.text();
  const policy = answer.headers.get("content-security-policy") ?? "";
  assert(!policy.includes("unsafe"));
  for (
    const [directive, pattern] of [["style", /<style>(.*?)<\/style>/gs], [
      "script",
      /<script[^>]*>(.*?)<\/script>/gs,
    ]] as const
  ) {
    const found = [...html.matchAll(pattern)];
    assert.equal(found.length, 1, directive);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(found[0]?.[1] ?? ""));
    assert(policy.includes(`${directive}-src 'sha256-${new Uint8Array(digest).toBase64()}'`), directive);
  }
});

Deno.test("the page asks nobody else, has no inline handlers, and stays small", () => {
  const [document = ""] = PAGE_HTML.split('<script type="module">');
  const addresses = [...document.matchAll(/(?:href|src|url)\s*[=(]\s*["']?([^"')\s>]*)/g)].map((match) =>
    match[1] ?? ""
  );
  for (const address of addresses) assert.match(address, /^(\/|#|data:)/);
  assert.doesNotMatch(document, /\son\w+=|\sstyle=/);
  // Of namespaces of markup there are addresses that nobody asks.
  const named = PAGE_HTML.match(/https?:\/\/[\w.-]+/g) ?? [];
  assert.deepEqual(named.filter((address) => address !== "http://www.w3.org"), []);
  assert(PAGE_HTML.length < MAX_PAGE_LENGTH, `${PAGE_HTML.length} characters`);
});

Deno.test("what a browser is sent is made of the sources as they are", async () => {
  const made = bundleModule(await bundlePage());
  const kept = await Deno.readTextFile(new URL("gen/page_bundle.ts", import.meta.url));
  assert(made === kept, "run `deno task page`, and commit what it writes");
});
