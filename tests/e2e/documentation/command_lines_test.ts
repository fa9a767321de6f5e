import assert from "node:assert/strict";
import { documentationPages, Lab, labTest, PACKET_PLANE, within } from "../../lab/mod.ts";
import { isName, linesOfHelp, linesOfMarkdown } from "./documented_lines.ts";
import { Stage, STAGE_HOSTS, type StageHost } from "./stage.ts";
import { type Staging, STAGINGS } from "./stagings.ts";

/** What no line may take that ends by itself. */
const BOUND_MS = 40_000;

const documented = [
  ...(await documentationPages()).flatMap(({ path, text }) => linesOfMarkdown(text, path)),
  ...await linesOfHelp(),
];
/** Each once, with the places where it stands. */
const places = Map.groupBy(documented, ({ line }) => line);

Deno.test("every staging is of a line that is documented", () => {
  assert.deepEqual(Object.keys(STAGINGS).filter((line) => !places.has(line)), []);
});

labTest(
  "every command line of the documentation and of the help does what it is there for",
  [...PACKET_PLANE, "wg", "wg-quick", "jq", "curl", "nft"],
  async (test) => {
    await using lab = await Lab.create(STAGE_HOSTS);
    const stage = await Stage.start(lab);
    const lines = [...places].filter(([line]) => !isName(line) && STAGINGS[line]?.notRun === undefined);
    const [early, late] = [false, true].map((isLate) =>
      lines.filter(([line]) => (STAGINGS[line]?.isLate ?? false) === isLate)
    );
    for (const [line, [first]] of [...early ?? [], ...late ?? []]) {
      await test.step(`${first?.where}: ${line}`, () => perform(stage, line));
    }
  },
);

async function perform(stage: Stage, line: string): Promise<void> {
  const { on = "alpha", first, inside, withSpare, with: words = {}, until, meanwhile, mayHint, after } =
    STAGINGS[line] ??
      {} as Staging;
  let typed = line.replaceAll(/\[(-.*?)\]/g, "$1").replaceAll(/weft1-…|\bTOKEN\b/g, stage.token);
  for (const [word, choice] of Object.entries(words)) typed = typed.replaceAll(word, choice);
  if (first !== undefined) await stage.expectRun("alpha", first);
  await using _spare = withSpare && await stage.startSpare();
  const before = inside === undefined ? "" : `${inside}\n`;
  if (until === undefined) {
    const finished = await within(stage.run(on, `${before}${typed}`), BOUND_MS);
    assert(finished !== undefined, `it goes on: ${typed}`);
    assert.equal(finished.code, 0, `${typed}\n${finished.stdout}${finished.stderr}`);
    if (!mayHint) assert.doesNotMatch(finished.stderr, /^hint:/m, `${typed}\n${finished.stderr}`);
  } else await goOn(stage, on, `${before}exec ${typed}`, until, meanwhile);
  if (after !== undefined) await stage.expectRun("alpha", after);
}

/** Lets a line run until it has printed what it should, and ends it as Ctrl-C does. */
async function goOn(
  stage: Stage,
  on: StageHost,
  line: string,
  until: RegExp,
  meanwhile = "true",
): Promise<void> {
  await using process = stage.spawn(on, line);
  await process.until(({ stdout }) => until.test(stdout), BOUND_MS, `it prints ${until}`);
  await stage.expectRun(on, meanwhile);
  const { code } = await process.stop("SIGINT");
  assert.equal(code, 0, process.tail());
}
