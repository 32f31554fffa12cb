"""The sentence frames of every shape, one a line. `[a|b]` are alternatives, `{x}` are slots."""

from __future__ import annotations

from sqltailor.synth.wording.frames import Frame, Slots, fill, frames
from sqltailor.synth.wording.say import Say

SHOW = "[show|list|give me|find|get|return|display|show me|tell me|fetch|retrieve|give|provide]"

FRAMES: dict[str, tuple[Frame, ...]] = {
    "list": frames(f"""
        {SHOW} the {{cols}} [of|for] [all |the |all the |]{{np}}
        {SHOW} [the |]{{colsp}} [of|for] [all |the |all the |]{{np}}
        {SHOW} [the |]{{colsp}} [of|for] {{np}}
        what are the {{colsp}} [of|for] [all |the |]{{np}}?
        what are the {{colsx}} [of|for] [all |the |]{{np}}?
        what are the {{colsx}} for [each of the|all|the] {{np}}?
        {{colsp}} [of|for] [all |]{{np}}
        {{cols}} [of|for] {{np}}
        {{np}}: {{cols}}
        {{np}}, {{cols}}
        [i need|i want|i'd like] the {{cols}} of [all |]{{np}}
        for [all |]{{np}}, {SHOW} the {{cols}}
        for [each of the|all|the] {{np}}, what are the {{colsx}}?
        [show|list|find|give me] [all |]{{np}} with their {{cols}}
        """),
    "list_named": frames("""
        what is {value}'s {cols}?
        what is the {cols} of [the {noun} |{noun} |]{value}?
        {value}'s {cols}
        {cols} of {value}
        {value}: {cols}[?|]
        [show|give me|tell me|find] the {cols} of [{noun} |]{value}
        [show|give me|find|look up] {value}'s {cols}
        """),
    "count_of": frames("""
        how many {nouns} does [the {noun} |{noun} |]{value} have?
        how many {nouns} [are there|do we have] [for|from|of] {value}?
        [number of|count the|count] {nouns} [for|of|by] {value}
        {value}: how many {nouns}?
        """),
    "list_which": frames(f"""
        which {{nouns}} {{pred}}?
        which {{nouns}} {{pred}}? [show|give|list|return] [their|the] {{cols}}
        what {{nouns}} {{pred}}?
        which {{np}} [are there|do we have]? [show|give me|list] the {{cols}}
        {SHOW} the {{cols}} of {{nouns}} {{who}} {{pred}}
        {SHOW} the {{colsp}} of [all |]{{nouns}} {{who}} {{pred}}
        [which are the|what are the] {{colsp}} of the {{nouns}} {{who}} {{pred}}?
        """),
    "list_wiki": frames("""
        what is the {cols} [when|where|if] {clauses}?
        what['s| is] the {cols} [for|with|of the one with] {plain}?
        which {cols} [has|have] {plain}?
        what {cols} [has|have] {plain}?
        [name|tell me|give] the {cols} [for|with|when there is] {plain}
        when {clauses}, what is the {cols}?
        if {clauses}, what is the {cols}?
        {cols} [where|with|for] {plain}
        what was the {cols} when {clauses}?
        """),
    "all": frames(f"""
        {SHOW} [all |the |all the |every |]{{np}} [with all [details|columns|fields]|in full|with everything we know about them]
        {SHOW} [everything|all information|all data|all details|all columns|the full records|the complete rows] [about|for|of|on] {{np}}
        {SHOW} [all |all the |]{{np}}
        [all|all of the] {{np}}
        what do we know about {{np}}?
        [give me|show|list] all [fields|columns|info|attributes] [of|for] [the |]{{np}}
        [full|complete] [list|table|records] of {{np}}
        """),
    "distinct": frames(f"""
        [what|which] [different|distinct|unique] {{colsp}} [are there|do we have|exist|occur] [for|among] {{np}}?
        what are the [different|distinct|unique] {{colsp}} of [all |the |]{{np}}?
        {SHOW} [the|all|all the] [different|distinct|unique] {{colsp}} [of|for|among] {{np}}
        [different|distinct|unique] {{colsp}} of {{np}}
        which {{colsp}} do {{np}} have?
        {SHOW} each [different|distinct|] {{cols}} of {{np}} [once|only once|without duplicates|without repeats]
        """),
    "top_one": frames(f"""
        [what is|what's] the {{cols}} of the {{best}}?
        what are the {{colsx}} of the {{best}}?
        {SHOW} the {{cols}} of the {{best}}
        {{cols}} of the {{best}}
        [i need|i want|i'd like] the {{cols}} of the {{best}}
        for the {{best}}, what [is|are] the {{cols}}?
        """),
    "top_one_label": frames("""
        which {one} [has|has got] the {extreme} {by}?
        which {one} is the {best_short}?
        [what|which] is the {best}?
        [who|which one] is the {best}?
        {best}
        what['s| is] the name of the {best}?
        """),
    "top_many": frames(f"""
        what are the {{colsp}} of the {{n}} {{bests}}?
        {SHOW} the {{cols}} of the {{n}} {{bests}}
        {SHOW} the {{colsp}} of the [top |]{{n}} {{bests}}
        {{colsp}} of the {{n}} {{bests}}
        {SHOW} the {{n}} {{bests}} with their {{cols}}
        """),
    "top_many_label": frames(f"""
        {SHOW} the {{n}} {{bests}}
        {{n}} {{bests}}
        which {{n}} {{many}} have the {{extreme}} {{by}}?
        which are the {{n}} {{bests}}?
        what are the {{n}} {{bests}}?
        """),
    "ranked_by": frames(f"""
        {SHOW} the {{cols}} of the top {{n}} {{many}} by {{by}}
        top {{n}} {{many}} by {{by}}[, with|:| with] {{cols}}
        [who|which] are the top {{n}} {{many}} by {{by}}? [show|give] the {{cols}}
        """),
    "count": frames("""
        how many {np} [are there|do we have|exist|are in the database|have we got|are registered|are recorded]?
        how many {np}[?|]
        [what is|what's] the [total |]number of {np}?
        [count|count the|count all|count up the] {np}
        [number|total number|count] of [all |]{np}
        [show|give me|return|find|tell me|get|compute|report] the [total |]number of {np}
        [find out|tell me|i want to know|i need to know|do you know] how many {np} there are
        """),
    "count_which": frames("""
        how many {nouns} {pred}?
        how many [of the |]{nouns} {pred}?
        [what is the|give me the|find the] number of {nouns} {who} {pred}?
        [count|count the] {nouns} {who} {pred}
        """),
    "count_distinct_rows": frames("""
        how many [different|distinct|] {np} [are there|do we have|]?
        [count the|count|number of|what is the number of] [different|distinct|unique] {np}
        """),
    "count_linked": frames("""
        how many [different|distinct|unique|] {parents} have {np}?
        [count|count the|number of|what is the number of] [different|distinct|unique|] {parents} with {np}
        """),
    "count_distinct": frames("""
        how many [different|distinct|unique] {colsp} [are there|do we have|exist] [among|for] {np}?
        how many [different|distinct|unique] {colsp} do {np} have?
        [what is|give me|find|show|return] the number of [different|distinct|unique] {colsp} [of|among|for] {np}?
        [number of|count the|count] [different|distinct|unique] {colsp} [of|for|among] {np}
        """),
    "aggregate": frames("""
        what is the {what} of [all |the |]{np}?
        what's the {what} [of|for|across] [all |]{np}?
        [show|give me|find|return|compute|calculate|tell me|get|report|work out|determine] the {what} [of|for|across|over] [all |the |]{np}
        {what} [of|for|across] [all |]{np}
        for {np}, what is the {what}?
        [i need|i want|i'd like] the {what} of {np}
        """),
    "aggregate_two": frames("""
        what are the {what} of [all |the |]{np}?
        [show|give me|find|return|compute|calculate|tell me|get|report] the {what} [of|for|across] [all |the |]{np}
        {what} [of|for] [all |]{np}
        """),
    "per_group": frames(f"""
        what is the {{what}} [per|for each|by|for every|in each] {{group}}?
        {SHOW} the {{what}} [per|for each|by|for every|grouped by] {{group}}
        {{what}} [per|by|for each|for every] {{group}}
        for [each|every] {{group}}, [show|what is|give me|find|compute|return|list] the {{what}}
        {SHOW} [each|every] {{group}} [and|with|along with|together with] the {{what}}
        {SHOW} [all |the |]{{groups}} and [their|the] {{what}}
        break down the {{what}} by {{group}}
        """),
    "per_group_count": frames("""
        how many {np} [are there|do we have|are there in total] [per|for each|in each|by|for every] {group}?
        how many {np} does each {group} have?
        for each {group}, how many {np} [are there|do we have]?
        count [the |]{np} [per|by|for each|for every] {group}
        {np} [per|by] {group}, [count|how many]
        """),
    "top_group": frames(f"""
        which {{group}} has the {{extreme_what}}?
        what is the {{group}} with the {{extreme_what}}?
        {SHOW} the {{group}} with the {{extreme_what}}
        {{group}} with the {{extreme_what}}
        """),
    "top_group_many": frames(f"""
        which {{n}} {{groups}} have the {{extreme_what}}?
        what are the {{n}} {{groups}} with the {{extreme_what}}?
        {SHOW} the [top |]{{n}} {{groups}} with the {{extreme_what}}
        [top |]{{n}} {{groups}} with the {{extreme_what}}
        """),
    "common": frames(f"""
        what is the {{common}} {{group}} [of|among|for] [all |the |]{{np}}?
        which {{group}} is the {{common}} [among|for] {{np}}?
        {SHOW} the {{common}} {{group}} [of|among] {{np}}
        {{common}} {{group}} of {{np}}
        """),
    "having": frames(f"""
        which {{groups}} have {{amount}}?
        {SHOW} [the |all |all the |]{{groups}} with {{amount}}
        {SHOW} [the |all |]{{groups}} that have {{amount}}
        what are the {{groups}} [that have|with|having] {{amount}}?
        {{groups}} [with|having|that have] {{amount}}
        """),
    "with": frames(f"""
        which {{np}} have {{have}}?
        {SHOW} the {{colsp}} of [all |the |]{{np}} [with|{{who}} have|having] {{have}}
        what are the {{colsp}} of [the |]{{np}} {{who}} have {{have}}?
        {{colsp}} of {{np}} with {{have}}
        """),
    "without": frames(f"""
        which {{np}} have no {{have}}?
        which {{np}} do not have [any |]{{have}}?
        {SHOW} the {{colsp}} of [all |the |]{{np}} [without any|without|{{who}} do not have any|{{who}} have no|{{who}} don't have] {{have}}
        what are the {{colsp}} of [the |]{{np}} {{who}} [have no|never had|do not have any] {{have}}?
        {{colsp}} of {{np}} without {{have}}
        """),
    "with_count": frames("""
        how many {np} have {have}?
        [count the|what is the number of|number of] {np} [with|{who} have] {have}
        """),
    "without_count": frames("""
        how many {np} [have no|do not have any|don't have any] {have}?
        [count the|what is the number of|number of] {np} [without|without any|{who} have no] {have}
        """),
    "set_intersect": frames(f"""
        which {{colsp}} occur both for {{one}} and for {{two}}?
        {SHOW} the {{colsp}} that {{one}} and {{two}} have in common
        {SHOW} the {{colsp}} [shared by|common to|that appear for both] {{one}} and {{two}}
        what {{colsp}} do {{one}} share with {{two}}?
        """),
    "set_except": frames(f"""
        which {{colsp}} [occur|appear] for {{one}} but not for {{two}}?
        {SHOW} the {{colsp}} of {{one}} that are not {{colsp}} of {{two}}
        {SHOW} the {{colsp}} of {{one}}[,|] [except|excluding|without|minus] those of {{two}}
        what {{colsp}} do {{one}} have that {{two}} do not?
        """),
    "set_union": frames(f"""
        {SHOW} the {{colsp}} of {{one}} [together with|combined with|as well as|plus|and also] those of {{two}}[, without duplicates|]
        which {{colsp}} [occur|appear] for {{one}} or for {{two}}?
        what are the [different |]{{colsp}} of {{one}} and of {{two}} [combined|taken together]?
        """),
    "case": frames("""
        [label|mark|classify|tag|categorize] each {noun} as {high} if {test}[,|] [otherwise|else|and otherwise as] {low}[, and show the {label}|; show the {label}|]
        [show|list|give me] the {label} of each {noun} and {high} [if|when|where] {test}, [else|otherwise] {low}
        for each {noun}, [show|give] the {label} and whether {test}: {high} or {low}
        """),
    "share": frames("""
        what [percentage|share|percent|proportion in percent] of {np} {pred}?
        [show|give me|find|compute|calculate] the [percentage|share] of {np} {who} {pred}
        [percentage|percent|share] of {np} {who} {pred}
        """),
    "count_two": frames("""
        how many {nouns} {pred} and how many {pred_two}?
        [show|give me|count|compare] the number of {nouns} {who} {pred} and the number {who} {pred_two}
        count {nouns} {who} {pred} and those {who} {pred_two} [side by side|separately|in two columns]
        """),
    "rank": frames("""
        [rank|rank all|rank the] {nouns} by {by}{within}[, {direction}|]
        [show|list|give me] the {cols} [of each {noun}|of all {nouns}] with [its|the|their] rank by {by}{within}[, {direction}|]
        [show|give me|i want] a ranking of {nouns} by {by}{within}[, {direction}|]
        """),
    "running": frames("""
        [show|give me|compute|calculate|what is] the [running|cumulative] total of {col} [by|over|ordered by] {date}[ for {nouns}|]
        [running|cumulative] [total|sum] of {nouns} {col} by {date}
        [show|list] each {date} with the [running|cumulative] total of {col}
        """),
    "best_of_each": frames(f"""
        for each {{group}}, which {{noun}} has the {{extreme}} {{by}}?
        {SHOW} the {{noun}} with the {{extreme}} {{by}} [in|for|of] each {{group}}
        {SHOW} [each|every] {{group}} and the {{label}} of the {{noun}} with the {{extreme}} {{by}} in it
        {{noun}} with the {{extreme}} {{by}} per {{group}}
        """),
}  # fmt: skip

PREFIXES_COMMAND = frames("""
    please
    [can|could|would] you [please |]
    i want you to
    [ok|hey|hi],
    [quickly|just]
""")
PREFIXES_QUESTION = frames("""
    [hey|hi|ok|so],
    [quick question|question]:
    please tell me:
    [i'd like to know|i want to know|tell me]:
""")
TAILS = (" please", ", please", " thanks", " for me", " asap")


def framed(say: Say, name: str, slots: Slots) -> str:
    """Return one of the frames of a kind of sentence, filled."""
    choices = FRAMES[name]
    return fill(choices[int(say.rng.random() * len(choices))], slots, say.rng)
