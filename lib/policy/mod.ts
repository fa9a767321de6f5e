/**
 * Who is meant: selectors of members by name, label, address, service and role. It is pure: it knows no roster, and
 * what it looks at is handed in. Nothing is evaluated as code.
 *
 * ```text
 *   selector   any-of
 *   any-of     all-of  { "||" all-of }
 *   all-of     term    { ( "&&" | "," ) term }
 *   term       "(" any-of ")"  |  "!" ( "(" any-of ")" | simple )  |  simple  |  comparison
 *   simple     "*"  |  KEY  |  ADDRESS  |  ADDRESS/BITS  |  "service:" PATH  |  "role:" ROLE
 *   comparison ( KEY | "name" )  ( ( "=" | "!=" ) VALUE  |  ( "in" | "notin" ) "(" VALUE { "," VALUE } ")" )
 * ```
 *
 * @module
 */

export * from "./selector.ts";
