"""List the mutants of modules, with the operators of cosmic-ray: small faults, one to a mutant.

python tests/reliability/mutants.py FILE...     prints a JSON list for each FILE, by its path

A mutant says which lines it replaces by which: {"line": 12, "old": [...], "new": [...]}. This needs cosmic-ray and
nothing of the project, so that it runs in an environment of its own; tests/mutation.sh makes that.
"""

import ast
import difflib
import json
import sys
from pathlib import Path
from typing import Any

OPERATORS = (
    "NumberReplacer",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "AddNot",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_USub_UAdd",
    "ReplaceUnaryOperator_Delete_Invert",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceComparisonOperator_Lt_LtE",  # the border, and the other side
    "ReplaceComparisonOperator_Lt_GtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_LtE_Gt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_Gt_LtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_GtE_Lt",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Div_Mul",
    "ReplaceBinaryOperator_FloorDiv_Mul",
    "ReplaceBinaryOperator_Mod_Mul",
    "ReplaceBinaryOperator_Pow_Mul",
    "ReplaceBinaryOperator_BitAnd_BitOr",
    "ReplaceBinaryOperator_BitOr_BitAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ZeroIterationForLoop",
)
"""Of the eleven replacements of each arithmetic operator one, and of a number one more but not one less: the others
mostly die of the same test, and would flatter the score."""


_INVERSE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.Is: ast.IsNot,
    ast.In: ast.NotIn,
    ast.Lt: ast.GtE,
    ast.Gt: ast.LtE,
}
_INVERSE |= {there: here for here, there in _INVERSE.items()}


class _Meaning(ast.NodeTransformer):
    """Leaves out what annotates: a mutant of a type hint changes nothing that runs, or dies at the import.

    And `not a < b` is `a >= b`: the same fault twice would count twice (NaN, for which it is none, is no reason to).
    """

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        compared = node.operand
        if isinstance(node.op, ast.Not) and isinstance(compared, ast.Compare) and len(compared.ops) == 1:
            return ast.Compare(compared.left, [_INVERSE[type(compared.ops[0])]()], compared.comparators)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.annotation = ast.Constant(None)
        self.generic_visit(node)
        return node


def mutants(source: str) -> list[dict[str, Any]]:
    """The mutants of one module, in the order of its lines, none twice."""
    from cosmic_ray.mutating import mutate_code  # here, so that the rest can be tested without it
    from cosmic_ray.plugins import get_operator

    found, meant = {}, {meaning(source), None}  # what is no Python is no fault
    for name in OPERATORS:
        operator, occurrence = get_operator(f"core/{name}")(), 0
        while (changed := mutate_code(source, operator, occurrence)) is not None:
            occurrence += 2 if name == "NumberReplacer" else 1  # it gives one more and one less in turn
            if (means := meaning(changed)) not in meant:
                meant.add(means)
                found[json.dumps(difference(source, changed))] = name
    listed = [{"operator": name, **json.loads(lines)} for lines, name in found.items()]
    return sorted(listed, key=lambda one: one["line"])


def difference(source: str, changed: str) -> dict[str, Any]:
    """The lines that `changed` has in place of those of `source`, from the first that differs to the last."""
    old, new = source.splitlines(), changed.splitlines()
    steps = [
        step for step in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if step[0] != "equal"
    ]
    (_, begin, _, new_begin, _), (_, _, end, _, new_end) = steps[0], steps[-1]
    return {"line": begin + 1, "old": old[begin:end], "new": new[new_begin:new_end]}


def meaning(source: str) -> str | None:
    """What a module does, without its type hints; None if it is no Python."""
    try:
        return ast.dump(_Meaning().visit(ast.parse(source)))
    except SyntaxError:
        return None


if __name__ == "__main__":
    print(json.dumps({name: mutants(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]}))
