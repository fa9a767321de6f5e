// deno-lint-ignore-file no-console -- a command prints
/**
 * Builds lib/http/page/gen: the page's script and style as two texts, from lib/http/page/web: `deno task page`. What it
 * writes is committed, so that users need no bundler.
 * @module
 */

const WEB = new URL("../lib/http/page/web/", import.meta.url);
/** In the order in which they count. */
const STYLES = ["base", "head", "stage", "lists", "narrow"];
const BUNDLE = new URL("../lib/http/page/gen/page_bundle.ts", import.meta.url);

/** What is embedded. */
export interface PageBundle {
  readonly script: string;
  readonly style: string;
}

/**
 * @returns what a browser is sent
 * @throws Error when the bundler fails
 */
export async function bundlePage(): Promise<PageBundle> {
  const folder = await Deno.makeTempDir();
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform", "browser", "--minify", "-o", `${folder}/page.js`, "mod.ts"],
      cwd: WEB,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`Cannot bundle the page: ${new TextDecoder().decode(stderr)}`);
    const script = await Deno.readTextFile(`${folder}/page.js`);
    // HTML Living Standard §13.2.5.4: this would end the element, wherever it stands.
    if (/<\/script|<!--/i.test(script)) throw new Error("The script can't stand in a document");
    const styles = STYLES.map((name) => Deno.readTextFile(new URL(`style/${name}.css`, WEB)));
    return { script, style: shortened((await Promise.all(styles)).join("\n")) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @returns the module that has both */
export function bundleModule({ script, style }: PageBundle): string {
  return `/** Made by scripts/build_page.ts. @module */

/** What is between \`<style>\` and \`</style>\`. */
export const PAGE_STYLE: string = ${JSON.stringify(style)};
/** What is between \`<script>\` and \`</script>\`. */
export const PAGE_SCRIPT: string = ${JSON.stringify(script)};
`;
}

/** Without comments, indents and line breaks. */
function shortened(style: string): string {
  return style.replaceAll(/\/\*.*?\*\//gs, "").replaceAll(/\s+/g, " ").replaceAll(/ ?([{};,]) ?/g, "$1")
    .trim();
}

if (import.meta.main) {
  const bundle = await bundlePage();
  await Deno.writeTextFile(BUNDLE, bundleModule(bundle));
  const sizes = Object.entries(bundle).map(([name, text]) =>
    `${name} ${(text.length / 1_000).toFixed(1)} kB`
  );
  const all = new TextEncoder().encode(bundle.script + bundle.style);
  const packed = await new Response(new Blob([all]).stream().pipeThrough(new CompressionStream("gzip")))
    .bytes();
  console.log(`page: ${sizes.join(", ")}; ${(packed.length / 1_000).toFixed(1)} kB compressed`);
}
