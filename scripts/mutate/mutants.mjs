// The mutants of a source file: every small change that one of the operators below makes to it, found in its syntax tree.
import ts from 'typescript';

const SWAPS = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '==': ['!='],
  '!=': ['=='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '+=': ['-='],
  '-=': ['+='],
  '??=': ['='],
};
const TWINS = { max: 'min', min: 'max', some: 'every', every: 'some', startsWith: 'endsWith', endsWith: 'startsWith' };
const LOGICAL = { '&&': '||', '||': '&&', '??': undefined };

/** Yields `[operator, from, to, replacement]` for one node. */
function* changes(node, text, parent) {
  const whole = (operator, after) => [operator, node.getStart(), node.end, after];

  if (ts.isIfStatement(node) || ts.isConditionalExpression(node)) {
    const condition = node.condition ?? node.expression;
    for (const after of ['true', 'false']) yield ['condition', condition.getStart(), condition.end, after];
    if (node.elseStatement && ts.isBlock(node.elseStatement)) yield emptied(node.elseStatement);
  } else if (ts.isWhileStatement(node) || ts.isDoStatement(node)) {
    yield ['condition', node.expression.getStart(), node.expression.end, 'false'];
  } else if (ts.isForStatement(node) && node.condition) {
    yield ['condition', node.condition.getStart(), node.condition.end, 'false'];
  } else if (ts.isBinaryExpression(node)) {
    const sign = node.operatorToken.getText();
    const [left, right] = [text(node.left), text(node.right)];
    if (sign in LOGICAL) {
      const closed = (side) => (ts.isBinaryExpression(side) ? `(${text(side)})` : text(side));
      if (LOGICAL[sign]) yield whole('logical', `(${closed(node.left)} ${LOGICAL[sign]} ${closed(node.right)})`);
      yield whole('operand', left);
      yield whole('operand', right);
    }
    const operator = /^[<>]|^[!=]==?$/.test(sign) ? 'comparison' : 'arithmetic';
    // Text minus text is never a number: the fault would not be a small one.
    const joinsText = sign === '+' && /['"`]/.test(left + right);
    for (const after of joinsText ? [] : (SWAPS[sign] ?? [])) yield whole(operator, `${left} ${after} ${right}`);
  } else if (ts.isPrefixUnaryExpression(node)) {
    if (node.operator === ts.SyntaxKind.ExclamationToken) yield whole('negation', text(node.operand));
    if (node.operator === ts.SyntaxKind.MinusToken) yield whole('arithmetic', text(node.operand));
    if (node.operator === ts.SyntaxKind.PlusPlusToken) yield whole('arithmetic', `--${text(node.operand)}`);
    if (node.operator === ts.SyntaxKind.MinusMinusToken) yield whole('arithmetic', `++${text(node.operand)}`);
  } else if (ts.isPostfixUnaryExpression(node)) {
    yield whole('arithmetic', text(node.operand) + (node.operator === ts.SyntaxKind.PlusPlusToken ? '--' : '++'));
  } else if (node.kind === ts.SyntaxKind.TrueKeyword) {
    yield whole('boolean', 'false');
  } else if (node.kind === ts.SyntaxKind.FalseKeyword) {
    yield whole('boolean', 'true');
  } else if (ts.isNumericLiteral(node) && parent.name !== node) {
    yield whole('number', Number(node.text) === 0 ? '1' : '0');
  } else if (ts.isStringLiteral(node) && parent.name !== node) {
    yield whole('string', node.text === '' ? "'mutant'" : "''");
  } else if (
    (ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)) &&
    !ts.isTaggedTemplateExpression(parent)
  ) {
    yield whole('string', '``');
  } else if (ts.isRegularExpressionLiteral(node)) {
    const [, pattern, flags] = /^\/(.*)\/(\w*)$/s.exec(node.text);
    if (pattern.startsWith('^')) yield whole('pattern', `/${pattern.slice(1)}/${flags}`);
    if (/[^\\]\$$/.test(pattern)) yield whole('pattern', `/${pattern.slice(0, -1)}/${flags}`);
    if (flags.includes('i')) yield whole('pattern', `/${pattern}/${flags.replace('i', '')}`);
  } else if (ts.isExpressionStatement(node)) {
    if (ts.isAwaitExpression(node.expression)) yield whole('await', `${text(node.expression.expression)};`);
    yield whole('statement', ';');
  } else if (ts.isThrowStatement(node) || ts.isBreakOrContinueStatement(node)) {
    yield whole('statement', ';');
  } else if (ts.isReturnStatement(node) && !node.expression) {
    yield whole('statement', ';');
  } else if (ts.isCatchClause(node) && node.block.statements.length > 0) {
    yield emptied(node.block);
  } else if (ts.isTryStatement(node) && node.finallyBlock) {
    yield emptied(node.finallyBlock);
  }

  if (node.questionDotToken) {
    const dot = ts.isPropertyAccessExpression(node) ? '.' : '';
    yield whole(
      'optional',
      text(node.expression) + dot + node.getSourceFile().text.slice(node.questionDotToken.end, node.end),
    );
  }
  if (ts.isPropertyAccessExpression(node) && ts.isCallExpression(parent) && Object.hasOwn(TWINS, node.name.text)) {
    yield ['method', node.name.getStart(), node.name.end, TWINS[node.name.text]];
  }
  if (ts.isFunctionLike(node) && node.body && ts.isBlock(node.body) && node.body.statements.length > 0) {
    yield emptied(node.body);
  }
}

const emptied = (block) => ['block', block.getStart(), block.end, '{}'];

/** Names and types are not code that runs. */
const leftOut = (node) =>
  ts.isTypeNode(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isModuleDeclaration(node) ||
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node);

/** Where to note that a mutant is reached: the nearest block, case or concise arrow body around it, else the file. */
function probeOf(node) {
  for (let at = node; ; at = at.parent) {
    if (ts.isBlock(at)) return [{ start: at.getStart() + 1, text: (call) => `${call};` }];
    if (ts.isSourceFile(at)) return [{ start: 0, text: (call) => `${call};` }];
    if (ts.isCaseOrDefaultClause(at.parent) && at !== at.parent.expression) {
      return [{ start: at.parent.statements[0].getStart(), text: (call) => `${call};` }];
    }
    if (ts.isArrowFunction(at.parent) && at === at.parent.body) {
      return [
        { start: at.getStart(), text: (call) => `(${call}, ` },
        { start: at.end, text: () => ')' },
      ];
    }
  }
}

/**
 * All mutants of a file, in order of position: `{ file, line, column, lineText, operator, before, after, start, end, probe }`.
 * `source` is its text; `file` its path from the project's root.
 */
export function mutantsOf(file, source) {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const text = (node) => node.getText(tree);
  const lines = source.split('\n');
  const found = new Map();
  (function visit(node) {
    if (leftOut(node)) return;
    for (const [operator, start, end, after] of node.parent ? changes(node, text, node.parent) : []) {
      const { line, character } = tree.getLineAndCharacterOfPosition(start);
      const before = source.slice(start, end);
      const lineText = lines[line].trim();
      const mutant = {
        file,
        line: line + 1,
        column: character + 1,
        lineText,
        operator,
        before,
        after,
        start,
        end,
        probe: probeOf(node),
      };
      const key = `${start} ${end} ${after}`;
      if (before !== after && !found.has(key)) found.set(key, mutant);
    }
    ts.forEachChild(node, visit);
  })(tree);
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}
