/* verdite image: make, convert, show and check disk images. */
#ifndef FRONTEND_IMAGE_IMAGE_COMMAND_H
#define FRONTEND_IMAGE_IMAGE_COMMAND_H

/* The words after "image". Returns the exit code. */
int image_command(int argc, char **argv);

/* For the help: "create FILE SIZE" or "--type TYPE", and what it is; NULL after the last. */
const char *image_command_verb(unsigned index, const char **help);
const char *image_command_option(unsigned index, const char **help);

#endif
