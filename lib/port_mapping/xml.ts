/**
 * XML as gateways write it: elements, attributes that are skipped, text, comments. There are no document types and no
 * entities but those of the standard, so that nothing short stands for something long (XML 1.0 §2.4, §4.6).
 * @module
 */

/** An element without its namespace's prefix. */
export interface XmlElement {
  readonly name: string;
  /** Of an element without others in it, without the white space around it. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** Descriptions of devices nest three devices and their lists. */
const MAX_DEPTH = 24;
const MAX_ELEMENTS = 4096;
/** Nothing that is read here has a longer text, in characters. */
const MAX_TEXT_LENGTH = 2048;

/** An element whose end has not come. */
interface OpenElement {
  readonly fullName: string;
  text: string;
  readonly children: XmlElement[];
}

/** One piece of markup: a comment, an instruction, a section of text, an end, a beginning. */
const MARKUP =
  /<(?:!--[\s\S]*?--|\?[\s\S]*?\?|!\[CDATA\[([\s\S]*?)\]\]|\/([A-Za-z_][\w.:-]{0,127})\s*|([A-Za-z_][\w.:-]{0,127})((?:\s+[A-Za-z_][\w.:-]{0,127}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?))>/y;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** @returns the outermost element, or undefined when `text` is no such document, or too deep or too wide */
export function parseXml(text: string): XmlElement | undefined {
  const document: OpenElement = { fullName: "", text: "", children: [] };
  const open: OpenElement[] = [document];
  let elements = 0;
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length;) {
    const top = open.at(-1) ?? document;
    const next = text.indexOf("<", at);
    const plain = unescaped(text.slice(at, next < 0 ? text.length : next));
    if (plain === undefined || !addText(top, plain)) return undefined;
    if (next < 0) break;
    MARKUP.lastIndex = next;
    const [all, section, end, begin, , slash] = MARKUP.exec(text) ?? [];
    if (all === undefined) return undefined;
    at = next + all.length;
    if (section !== undefined && !addText(top, section)) return undefined;
    if (end !== undefined) {
      if (open.length < 2 || end !== top.fullName) return undefined;
      open.pop();
      open.at(-1)?.children.push(closed(top));
    } else if (begin !== undefined) {
      if (++elements > MAX_ELEMENTS || open.length > MAX_DEPTH) return undefined;
      const element: OpenElement = { fullName: begin, text: "", children: [] };
      if (slash === "/") top.children.push(closed(element));
      else open.push(element);
    }
  }
  const [root, ...others] = document.children;
  return open.length === 1 && others.length === 0 && document.text.trim() === "" ? root : undefined;
}

/** @returns the first element of that name inside of `element`, or undefined */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}

/** @returns `text` such as it may stand in an element */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function addText(element: OpenElement, text: string): boolean {
  if (element.text.length + text.length > MAX_TEXT_LENGTH && text.trim() !== "") return false;
  element.text = (element.text + text).slice(0, MAX_TEXT_LENGTH);
  return true;
}

function closed({ fullName, text, children }: OpenElement): XmlElement {
  return { name: fullName.slice(fullName.lastIndexOf(":") + 1), text: text.trim(), children };
}

/** @returns undefined when there is an entity that nobody knows */
function unescaped(text: string): string | undefined {
  if (!text.includes("&")) return text;
  let isSound = true;
  const plain = text.replace(
    /&(?:#(\d{1,6})|#x([0-9a-fA-F]{1,5})|([a-z]{1,4}));|&/g,
    (_, decimal, hex, name) => {
      if (name !== undefined && Object.hasOwn(ENTITIES, name)) return ENTITIES[name] ?? "";
      const code = decimal !== undefined
        ? Number(decimal)
        : hex !== undefined
        ? Number.parseInt(hex, 16)
        : undefined;
      if (code !== undefined && code > 0 && code <= 0x10ffff) return String.fromCodePoint(code);
      isSound = false;
      return "";
    },
  );
  return isSound ? plain : undefined;
}
