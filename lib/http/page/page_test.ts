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

Deno.test("words of each palette stand out from what is behind them (WCAG 2.2 §1.4.3)", async () => {
  const css = await Deno.readTextFile(new URL("./web/style/base.css", import.meta.url));
  const palettes = [...css.matchAll(/(?::root|\[data-theme="dark"\]) \{([^}]*)\}/g)].map(([, text = ""]) =>
    new Map(
      [...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = "", colour = ""]) => [name, colour]),
    )
  );
  assert.equal(palettes.length, 2);
  const grounds = {
    ink: "paper card raised thread-soft",
    quiet: "paper card raised",
    thread: "paper card thread-soft",
  };
  const marked = { warn: "card warn-soft", bad: "card bad-soft" };
  for (const palette of palettes) {
    for (const [word, behind] of Object.entries({ ...grounds, ...marked })) {
      for (const ground of behind.split(" ")) {
        const [a = 0, b = 0] = [word, ground].map((name) => luminance(palette.get(name) ?? assert.fail(name)))
          .toSorted((one, other) => other - one);
        const contrast = (a + 0.05) / (b + 0.05);
        assert(contrast >= 4.5, `${word} on ${ground}: ${contrast.toFixed(2)}`);
      }
    }
  }
});

/** WCAG 2.2, relative luminance. @param colour `#rrggbb` */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

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
