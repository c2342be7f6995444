import { dirname } from 'node:path';
import ts from 'typescript';

/** What the compiler writes before a name of another module; it says where that file lies, which is no promise. */
const IMPORTED_FROM = /import\("[^"]*"\)\./g;

/**
 * What a package promises to its users: the text of every declaration that can be reached from the exports of one file, in the order of
 * names. Comments, private members and the paths of files are left out, so that a text changes only where the promise does. A name that
 * users can import carries `export`.
 * @param entry path of the .d.ts file that users import; declarations outside the folder above its own belong to other packages
 */
export function publicApi(entry: string): Map<string, string> {
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const entrySymbol = source && checker.getSymbolAtLocation(source);
  if (!entrySymbol) throw new Error(`${entry}: exports nothing`);

  const home = dirname(dirname(entry));
  const resolved = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exported = new Set(checker.getExportsOfModule(entrySymbol).map(resolved));
  const found = new Map<ts.Symbol, string>();
  const visit = (symbol: ts.Symbol): void => {
    const declarations = (symbol.declarations ?? []).filter(
      (node) => isTopLevel(node) && node.getSourceFile().fileName.startsWith(home),
    );
    if (found.has(symbol) || declarations.length === 0) return;
    found.set(symbol, declarations.map((node) => declarationText(node, exported.has(symbol))).join('\n'));
    for (const declaration of declarations) eachName(declaration, (name) => visitName(name));
  };
  const visitName = (name: ts.Node): void => {
    const symbol = checker.getSymbolAtLocation(name);
    if (symbol) visit(resolved(symbol));
  };
  exported.forEach(visit);

  const api = new Map<string, string>();
  for (const [{ name }, text] of [...found].sort(([a], [b]) => (a.name < b.name ? -1 : 1)))
    api.set(name, api.has(name) ? `${api.get(name)}\n${text}` : text);
  return api;
}

/** The declarations one after another, an empty line between them: the form in which they are kept in a file. */
export function renderApi(api: ReadonlyMap<string, string>): string {
  return `${[...api.values()].join('\n\n')}\n`;
}

/** The declarations of such a text by name. */
export function parseApi(text: string): Map<string, string> {
  const declared = /\b(?:class|interface|type|function|const)\s+(\w+)/;
  return new Map(
    text
      .trim()
      .split('\n\n')
      .map((block) => [declared.exec(block)?.[1] ?? block, block]),
  );
}

function isTopLevel(node: ts.Node): boolean {
  const owner = ts.isVariableDeclaration(node) ? node.parent.parent.parent : node.parent;
  return owner !== undefined && ts.isSourceFile(owner);
}

/** Calls `use` for every identifier of a declaration but those of private members. */
function eachName(node: ts.Node, use: (name: ts.Node) => void): void {
  if (isPrivate(node)) return;
  if (ts.isIdentifier(node)) use(node);
  ts.forEachChild(node, (child) => eachName(child, use));
}

function isPrivate(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node) && ts.isPrivateIdentifier(node.name)) return true;
  if (ts.isConstructorDeclaration(node)) return false; // That users cannot call it is part of the promise.
  return (
    ts.canHaveModifiers(node) && !!ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
  );
}

/** A union or an object's type with its members in the order of their texts: where the compiler infers it, its order is chance. */
function inOrder(node: ts.Node, source: ts.SourceFile): ts.Node {
  const text = (member: ts.Node) => ts.createPrinter().printNode(ts.EmitHint.Unspecified, member, source);
  const sorted = <T extends ts.Node>(members: readonly T[]) =>
    [...members].sort((a, b) => (text(a) < text(b) ? -1 : 1));
  if (ts.isUnionTypeNode(node)) return ts.factory.createUnionTypeNode(sorted(node.types));
  if (ts.isTypeLiteralNode(node)) return ts.factory.createTypeLiteralNode(sorted(node.members));
  return node;
}

/** The printed form of a declaration, without comments, private members and `declare`. */
function declarationText(node: ts.Declaration, isExported: boolean): string {
  const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const { transformed } = ts.transform<ts.Node>(statement, [
    (context) => (root) => {
      const simplify = (inner: ts.Node): ts.Node | undefined => {
        if (isPrivate(inner)) return undefined;
        if (inner.kind === ts.SyntaxKind.ExportKeyword || inner.kind === ts.SyntaxKind.DeclareKeyword) return undefined;
        const simple = ts.visitEachChild(inner, simplify, context);
        return ts.isVariableDeclaration(node) ? inOrder(simple, statement.getSourceFile()) : simple;
      };
      return ts.visitEachChild(root, simplify, context);
    },
  ]);
  const printer = ts.createPrinter({ removeComments: true });
  const text = printer.printNode(ts.EmitHint.Unspecified, transformed[0], statement.getSourceFile());
  return `${isExported ? 'export ' : ''}${text.replace(IMPORTED_FROM, '')}`;
}
