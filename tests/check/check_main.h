/* The main function of a unit test program: runs one suite, or says why it cannot here. */
#ifndef TESTS_CHECK_CHECK_MAIN_H
#define TESTS_CHECK_CHECK_MAIN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK_MAIN(suite)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        SRunner *runner = srunner_create(suite);                                                   \
        srunner_run_all(runner, CK_ENV);                                                           \
        int failed = srunner_ntests_failed(runner);                                                \
        srunner_free(runner);                                                                      \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                          \
    }

#define CHECK_MAIN_SKIP(why)                                                                       \
    int main(void)                                                                                 \
    {                                                                                              \
        (void)puts(why);                                                                           \
        return 77;                                                                                 \
    }

#endif
