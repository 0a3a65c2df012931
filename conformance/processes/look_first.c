/* Starts the puppet (puppet.py), and tells it what Python would hide: the name that the chain wrote, and
 * the signals that were ignored. Python ignores SIGPIPE and SIGXFSZ before it runs a line of ours; a
 * script never learns its argv[0]. premises.py compiles this where there is a compiler, with PYTHON and
 * MAIN as paths; elsewhere the puppet is started without, and these two are unobserved.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    unsigned long long mask = 0;
    char text[17];
    char **args = calloc(argc + 6, sizeof *args);

    for (int number = 1; number <= 64; number++) {
        struct sigaction inherited;
        if (sigaction(number, NULL, &inherited) == 0 && inherited.sa_handler == SIG_IGN)
            mask |= 1ULL << (number - 1);
    }
    snprintf(text, sizeof text, "%016llx", mask);
    if (args == NULL)
        return 111;
    args[0] = PYTHON;
    args[1] = "-IS";
    args[2] = MAIN;
    args[3] = text;
    args[4] = (char *)getauxval(AT_EXECFN);
    for (int number = 0; number < argc; number++)
        args[5 + number] = argv[number];
    execv(PYTHON, args);
    return 111;
}
