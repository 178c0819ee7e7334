# Points type checkers and editors at the folder that is installed as promptlang.runtime.
from runtime import Runtime as Runtime
from runtime import emoji as emoji
