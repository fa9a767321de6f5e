import assert from "node:assert/strict";
import { statusApp } from "./apps.ts";
import { PAGE_HTML } from "./page.ts";
import { SampleControl } from "./sample_control_test.ts";

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

Deno.test("the page asks nobody else, has no inline handlers, and makes no markup of what it hears", () => {
  const addresses = [...PAGE_HTML.matchAll(/(?:href|src|url)\s*[=(]\s*["']?([^"')\s>]*)/g)].map((match) =>
    match[1] ?? ""
  );
  for (const address of addresses) assert.match(address, /^(\/|#|data:)/);
  assert.doesNotMatch(PAGE_HTML, /\son\w+=|\sstyle=|innerHTML|insertAdjacent|document\.write|eval\(/);
});

Deno.test("every id that the page's script asks for is there once", () => {
  for (const [, id] of PAGE_HTML.matchAll(/byId\("([\w-]+)"\)/g)) {
    assert.equal(PAGE_HTML.split(`id="${id}"`).length, 2, id);
  }
});

Deno.test("the page's script is a module that parses", async () => {
  const script = /<script type="module">(.*)<\/script>/s.exec(PAGE_HTML)?.[1] ?? "";
  // Exporting from a function that never runs: the module is read, its statements are not.
  const source = `export default async function page() {${script}}`;
  const { default: page } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  assert.equal(typeof page, "function");
});
