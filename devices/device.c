/* Device instances: the head every model shares and its lock. [docs/architecture.md, Threads] */
#include "devices/device.h"

void device_init(struct device *dev, const struct device_type *type, struct trace *trace,
                 uint32_t partition)
{
    dev->type = type;
    dev->trace = trace;
    dev->partition = partition;
    host_mutex_init(&dev->lock);
}

void device_fini(struct device *dev)
{
    if (dev->type == NULL) {
        return; /* never built */
    }
    if (dev->type->fini != NULL) {
        dev->type->fini(dev);
    }
    host_mutex_fini(&dev->lock);
    dev->type = NULL;
}

void device_reset(struct device *dev)
{
    host_mutex_lock(&dev->lock);
    if (dev->type->reset != NULL) {
        dev->type->reset(dev);
    }
    host_mutex_unlock(&dev->lock);
}
