/**
 * Generates lib/proto/gen from proto/ with the pinned compiler and plugin; what it writes is committed.
 * @module
 */

const template = JSON.stringify({
  version: "v2",
  inputs: [{ directory: "proto" }],
  plugins: [{
    local: "protoc-gen-es",
    out: "lib/proto/gen",
    opt: ["target=ts", "import_extension=ts", "erasable_syntax=true"],
  }],
});

const { code } = await new Deno.Command("npx", {
  args: [
    "--yes",
    "--package=@bufbuild/buf@1.75.0",
    "--package=@bufbuild/protoc-gen-es@2.17.0",
    "buf",
    "generate",
    "--template",
    template,
  ],
  cwd: new URL("..", import.meta.url),
}).spawn().status;
Deno.exit(code);
