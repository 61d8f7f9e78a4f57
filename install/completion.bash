# Completion of bash: `source install/completion.bash`, once a shell or in ~/.bashrc.
# It completes `./coin_spark.py ...` and `python coin_spark.py ...`; any other use of python completes files, as before.

_coin_spark_completion() {
    local IFS=$'\n' program=("$1") words=("${COMP_WORDS[@]}") current=$COMP_CWORD
    if [[ ${1##*/} == python* ]]; then
        if [[ ${words[1]} != *coin_spark.py || $current -lt 2 ]]; then
            COMPREPLY=()
            return
        fi
        program+=("${words[1]}")
        words=("${words[@]:1}")
        current=$((current - 1))
    fi
    COMPREPLY=($(env COMP_WORDS="${words[*]}" COMP_CWORD="$current" _COIN_SPARK.PY_COMPLETE=complete_bash "${program[@]}" 2>/dev/null))
}

complete -o default -F _coin_spark_completion coin_spark.py python python3
